"""An independent reader: Debian's pymodbus reads blocks given as JSON [[address, count], ...] and prints their registers.

usage: pymodbus_master.py rtu PORT | tcp PORT | rtuovertcp PORT
"""
import json
import sys

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.framer.rtu_framer import ModbusRtuFramer

kind, port = sys.argv[1:3]
if kind == "rtu":
    client = ModbusSerialClient(port=port, baudrate=9600, parity="N", timeout=2, framer=ModbusRtuFramer)
elif kind == "tcp":
    client = ModbusTcpClient("127.0.0.1", port=int(port))
else:
    client = ModbusTcpClient("127.0.0.1", port=int(port), framer=ModbusRtuFramer)
client.connect()
result = []
for address, count in json.load(sys.stdin):
    reply = client.read_holding_registers(address, count, slave=1)
    result.append(reply.exception_code if reply.isError() else reply.registers)
print(json.dumps(result))
client.close()

"""An independent WE-515: Debian's pymodbus serving register values given as JSON {address: value} on standard input.

usage: pymodbus_slave.py rtu PORT | tcp PORT | rtuovertcp PORT
"""
import json
import sys

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.framer.socket_framer import ModbusSocketFramer
from pymodbus.server import StartSerialServer, StartTcpServer

kind, port = sys.argv[1:3]
registers = {int(address): value for address, value in json.load(sys.stdin).items()}
slave = ModbusSlaveContext(hr=ModbusSparseDataBlock(registers), zero_mode=True)
context = ModbusServerContext(slaves={1: slave}, single=False)
print("serving", flush=True)
if kind == "rtu":
    StartSerialServer(context=context, framer=ModbusRtuFramer, port=port, baudrate=9600, parity="N", timeout=0.005)
else:
    framer = ModbusSocketFramer if kind == "tcp" else ModbusRtuFramer
    StartTcpServer(context=context, framer=framer, address=("127.0.0.1", int(port)))

/** A complete configuration with every key, its default and its reason; checked against the schema by a test. */
export const EXAMPLE_CONFIG = `# energy-monitor configuration. Durations: 250ms, 1s, 5m, 2h, 30d, 1y. Sizes: 500MB, 2GB, 512MiB.

# Where the journal lives. The user who runs the collector must be able to write here.
stateDir: /var/lib/energy-monitor

meters:
  - name: house
    model: we-515            # energy-monitor meter models lists them; or a register table of your own: ./my-meter.yaml
    unit: 1                  # Modbus address of the meter, 1-247
    interval: 1s             # a reading each second, on the second
    # intervals: {energy: 10s} # quantities that are read less often; also by their names, such as voltage
    # clockSync: daily       # once a day the meter's clock is set where it is off by more than 5 s
    connection:
      serial: /dev/ttyUSB0   # better: the stable name below /dev/serial/by-id/; energy-monitor doctor finds it
      baudRate: 9600         # what is left out is as the model leaves the factory: a WE-515 with 9600 8E1
      parity: even           # none, even, odd
      dataBits: 8
      stopBits: 1
      responseTimeout: 250ms # longest wait for an answer to begin

  # Meters on one port, each with a unit of its own; settings may differ:
  # - name: workshop
  #   model: sdm120
  #   unit: 2
  #   connection: {serial: /dev/ttyUSB0, baudRate: 2400, parity: none}

  # The same meter behind a network gateway:
  # - name: garage
  #   model: we-514
  #   connection:
  #     tcp: 192.168.1.50:502          # Modbus TCP
  # - name: barn
  #   model: we-514
  #   connection:
  #     rtuOverTcp: 192.168.1.51:4001  # a transparent serial server; line settings as above
  #     baudRate: 9600

# timeZone: Europe/Berlin      # whose days and months are meant; by default this machine's

journal:
  flushInterval: 10s         # longest time between two writes to the card; a power cut can cost that much
  retention: 30d             # single readings older than this are deleted once the history and each server have them
  maxSize: 2GB               # the oldest readings are deleted beyond this, whoever has them

# What stays of the readings: their means, extremes and counters. Days and months are made of the hours.
history:
  retention:
    minute: 400d             # a minute of each meter is about 130 bytes, a year 70 MB
    # quarter: 20y           # without: for ever
    # hour: 100y

clock:
  hold: 10m                  # how long readings wait, after the start of a machine without a clock of its own, for a time server

# Where readings go besides the journal; without it everything works on the journal alone. A list sends to several servers,
# each with a name of its own; one that is away holds up no other.
influxdb:
  name: influxdb
  url: http://localhost:8086 # InfluxDB 2 or 1.8, InfluxDB Cloud, VictoriaMetrics
  org: home
  bucket: energy             # readings of meters; with InfluxDB 1.8 database/retention-policy
  hostBucket: host           # readings of this machine itself
  tokenFile: /etc/energy-monitor/influxdb.token # or token: as text; with InfluxDB 1.8 user:password
  batchInterval: 10s         # pause between two requests while there is nothing to catch up with
  batchSize: 1000            # readings in one request
  timeout: 30s               # longest wait for an answer
  # caFile: /etc/ssl/certs/my-authority.pem     # for https:// with a certificate of your own

# The page, with its REST interface (/api/v1/openapi.json) and metrics for Prometheus (/metrics).
web:
  listen: 127.0.0.1:8515     # on this machine alone; 0.0.0.0:8515: for the whole network; off: nowhere
  hideAfter: 30d             # meters that were silent for longer are not shown
  # hosts: [energy.home.arpa]              # further names by which it is reached; addresses and this machine's own always work
  # passwordHash: $scrypt$ln=14,r=8,p=1$...  # energy-monitor web password makes it; without, whoever reaches the address may look
  # tls: {certificateFile: /etc/energy-monitor/page.pem, keyFile: /etc/energy-monitor/page.key}

# A second place for the journal; energy-monitor backup keygen makes the key and prints what to write here.
# backup:
#   recipient: age1...       # the public half of the recovery key; or, by choice, unencrypted: true
#   stores:
#     - directory: /mnt/usb/energy-monitor
#       keepLast: 10         # what stays; also keepHourly, keepDaily, keepWeekly, keepMonthly, keepWithin: 7d
#     - azure: https://ACCOUNT.blob.core.windows.net/energy-monitor    # a container
#       sasFile: /etc/energy-monitor/azure.sas  # its SAS; or connectionStringFile, or servicePrincipal
#       bandwidth: 500kB     # a second, for what is sent
#       writeOnly: true      # nothing old is removed from here
#       keepHourly: 48
#       keepDaily: 30
#       keepWeekly: 26
#       keepMonthly: 120
#   databases:               # servers of influxdb whose own data are backed up as well
#     - sink: influxdb
#       operatorTokenFile: /etc/energy-monitor/influxdb-operator.token
#   drill:                   # so that a timer can restore a backup on trial
#     identityFile: /etc/energy-monitor/drill.key    # of a second recipient, not the recovery key
`;

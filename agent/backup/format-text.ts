/** Lies in each repository, so that it can be read without this program. */
export const FORMAT_TEXT = `A backup repository of energy-monitor, format version 2
=======================================================

repository.json   {"format": "energy-monitor repository", "version": 1, "id": UUID, "recipients": [age recipients]}
name-key          32 random bytes, sealed
objects/AB/NAME   a piece of a file, at most 1 MiB, sealed, or a list of a manifest. NAME (64 hex digits, AB the first two) is
                  HMAC-SHA256(name-key, SHA-256(piece)), and -XXXXXXXX for a second attempt
snapshots/SEQUENCE-SHA256
                  a manifest: one snapshot. SEQUENCE has ten digits and counts up; SHA256 is that of the file's bytes
tmp/              files that are being written (directories only)

sealed            zstd (RFC 8878); with recipients in repository.json, then age (age-encryption.org/v1) for each of them

A manifest is zstd of JSON:
  format      "energy-monitor snapshot"
  version     2; 1 has no groups
  sequence    as in its name
  repository  id of repository.json
  origin      a random id of the state directory that was backed up; absent in the oldest
  created     ISO 8601, by the clock of the machine that was backed up, which may be wrong
  complete    false when something could not be read; absent otherwise
  groups      [[list, files], ...], each [name, bytes, SHA-256] of an object: list is zstd of JSON, [[name, bytes, SHA-256], ...]
              of the objects that the group's files need; files is sealed JSON of those files, as below, with indexes in list
  objects     [[name, bytes, SHA-256], ...] of the objects as stored that the files below need
  details     base64 of sealed JSON:
    host, agentVersion
    files     of no group: [{path, bytes, sha256, objects: [index in objects, ...]}, ...]; a file is its objects, opened, in order;
              bytes and sha256 are those of the whole file
    counts    readings of the journal by measurement
    missing   [{source, reason}, ...] of what could not be read; absent when all is there
  Keys that are not named here may come; they are to be passed over.

A snapshot exists when its manifest does: objects are written before it. An object that no manifest names is not needed.

To get a file back by hand, for each of its objects: age -d -i KEYFILE OBJECT | zstd -d >> FILE
journal/2026-11-21       the readings of a UTC day, journal/2026-11-21T14 those of an hour: a line of JSON {from, to (UTC ms),
                         series: [[id, measurement, meter, model], ...], layouts: [[id, fields], ...], gaps: [[series,
                         from ms, to ms, cause], ...]}, then for each reading 48 bits of ms since from, 16 bits each of its
                         series, its layout and its length (little-endian), and its bytes: a bitmap of the layout's fields
                         that are present (least significant bit first), then each value: fields is JSON of [[name,
                         decimals], ...]; a zigzag varint of value * 10^decimals, or with decimals null a float64; a last
                         field "" is never present and means that four bytes of a checksum follow
journal/state.json       positions of the servers, quarantine, what was learned
config/config.yaml       the configuration, without its secrets
config/tables/PATH       a register table that it names, by its path below the configuration's directory
`;

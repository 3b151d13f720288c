# shellcheck shell=sh disable=SC2015,SC2034
# What a person does next.

show_next_steps() {
  print_missing_lines
  if is_dry; then
    say "nothing was changed (--dry-run)"
    return 0
  fi
  say "energy-monitor $(linked "$CURRENT") is installed. Next:"
  say "  sudo energy-monitor status                       how it is"
  say "  journalctl -u energy-monitor-collector -f        what it says"
  say "  sudoedit $CONFIG           then: sudo systemctl reload energy-monitor-collector"
  if [ "$DOCKER" = yes ] && [ -z "$DATABASES_FAILED" ]; then
    say "  http://localhost:$(stack_setting GRAFANA_PORT 3000)                            Grafana; from another machine: ssh -L 3000:localhost:$(stack_setting GRAFANA_PORT 3000) THIS"
    say "  sudo cat $GRAFANA_SECRETS/grafana-admin.password   its password (user: admin)"
  fi
  grep -q '^backup:' "$CONFIG" 2>/dev/null ||
    say "  energy-monitor backup keygen                     then a section backup: in the configuration (README, Backups)"
}

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
  show_page
  if [ "$DOCKER" = yes ] && [ -z "$DATABASES_FAILED" ]; then
    say "  http://localhost:$(stack_setting GRAFANA_PORT 3000)                            Grafana; from another machine: ssh -L 3000:localhost:$(stack_setting GRAFANA_PORT 3000) THIS"
    say "  sudo cat $GRAFANA_SECRETS/grafana-admin.password   its password (user: admin)"
  fi
  grep -q '^backup:' "$CONFIG" 2>/dev/null ||
    say "  energy-monitor backup keygen                     then a section backup: in the configuration (README, Backups)"
}

# As far as install.sh can read where it is: the default, or what it writes itself.
show_page() {
  listen=$(sed -n 's/^web: {listen: "*\([^"}]*\)"*}$/\1/p' "$CONFIG" 2>/dev/null)
  if [ -z "$listen" ]; then
    ! grep -q '^web:' "$CONFIG" 2>/dev/null || return 0
    listen=127.0.0.1:8515
  fi
  port=${listen##*:}
  case $listen in
    off) ;;
    0.0.0.0:*) say "  http://$(uname -n):$port   the page, for everybody in the network; with a password: energy-monitor web password" ;;
    127.0.0.1:*) say "  http://localhost:$port   the page; from another machine: ssh -L $port:localhost:$port THIS" ;;
    *) say "  http://$listen   the page" ;;
  esac
}

#!/bin/sh
# Runs Mosquitto with TLS. It reads a certificate again on SIGHUP only, and who renews the mounted Secret cannot send it.
# Clients that are connected stay so.
#   CONFIG_FILE   default /etc/mosquitto/mosquitto.conf
#   TLS_DIR       has tls.crt; default /etc/mosquitto-tls
#   POLL_SECONDS  default 30
set -eu

certificate() { cksum < "${TLS_DIR:-/etc/mosquitto-tls}/tls.crt" || :; }

watch() {
  seen=$(certificate)
  while sleep "${POLL_SECONDS:-30}" && kill -0 "$broker" 2> /dev/null; do
    now=$(certificate)
    [ "$now" != "$seen" ] || continue
    seen=$now
    kill -HUP "$broker"
    echo "mosquitto-run: the certificate has changed; it is read again"
  done
}

mosquitto -c "${CONFIG_FILE:-/etc/mosquitto/mosquitto.conf}" &
broker=$!
trap 'kill -TERM "$broker"' TERM INT
watch &

# A signal that is handled here ends a wait too.
status=0
while :; do
  wait "$broker" && status=0 || status=$?
  kill -0 "$broker" 2> /dev/null || break
done
exit "$status"

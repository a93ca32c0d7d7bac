#!/bin/sh
# Runs PostgreSQL with TLS, by the image's own start script. It reads a certificate again on SIGHUP only, and who renews the
# mounted Secret cannot send it. Clients that are connected stay so.
#   postgres-run.sh postgres ARGUMENT...
#   TLS_DIR       has tls.crt; default /etc/postgresql-tls
#   POLL_SECONDS  default 30
set -eu

certificate() { cksum < "${TLS_DIR:-/etc/postgresql-tls}/tls.crt" || :; }

seen=$(certificate)
while sleep "${POLL_SECONDS:-30}"; do
  now=$(certificate)
  # Until the server runs, this process is a shell, which the signal would end.
  if [ "$now" != "$seen" ] && [ "$(cat /proc/$$/comm)" = postgres ]; then
    seen=$now
    kill -HUP $$
  fi
done &
exec docker-entrypoint.sh "$@"

#!/bin/sh
# An MQTT broker's retained messages in a backup: `save` writes them; `restore` publishes those whose topic has none. May be
# stopped at any point and run again. Waits for the broker.
#   MQTT_HOST MQTT_PORT      the broker
#   MQTT_USER MQTT_PASSWORD  optional: who may read and write all topics
#   READ_SECONDS             how long to read, at first; default 5
# backup.sh lies beside this script.
# shellcheck source-path=SCRIPTDIR source=backup.sh
. "$(dirname "$0")/backup.sh"
FILE=$BACKUP_DIR/retained

# Both clients read their options from there. On a command line everybody could read the password.
export XDG_CONFIG_HOME="$WORK"
{
  printf '%s\n' "-h $MQTT_HOST" "-p $MQTT_PORT"
  [ -z "${MQTT_USER:-}" ] || printf '%s\n' "-u $MQTT_USER" "-P $MQTT_PASSWORD"
} > "$WORK/mosquitto_sub"
cp "$WORK/mosquitto_sub" "$WORK/mosquitto_pub"

# look: a message a line: quality of service, payload in hexadecimal digits, topic. Nothing says which retained message is the
# last, so a look that took longer must have brought no more.
seconds=${READ_SECONDS:-5} before=none
look() {
  status=0
  mosquitto_sub --retained-only -t '#' -q 2 -W "$seconds" -F '%q %x %t' > "$WORK/retained" || status=$?
  # It ends so when its time is over.
  [ "$status" -eq 27 ] || return 1
  lines=$(wc -l < "$WORK/retained")
  [ "$lines" != "$before" ] || return 0
  before=$lines seconds=$((seconds * 2))
  look
}

save() {
  cp "$WORK/retained" "$FILE"
  echo "$(wc -l < "$FILE") retained messages: saved"
}

restore() {
  [ -e "$FILE" ] || return 0
  awk -v now="$WORK/retained" '
    function topic(line) { sub(/^[^ ]* [^ ]* /, "", line); return line }
    BEGIN { while ((getline line < now) > 0) there[topic(line)] }
    !(topic($0) in there)
  ' "$FILE" > "$WORK/missing"
  while IFS= read -r line; do
    rest=${line#* }
    # Octal digits are what every printf knows.
    printf '%s\n' "${rest%% *}" | awk -v digits=0123456789abcdef '{
      for (i = 1; i < length($0); i += 2)
        printf "\\0%03o", (index(digits, substr($0, i, 1)) - 1) * 16 + index(digits, substr($0, i + 1, 1)) - 1
    }' > "$WORK/payload"
    printf %b "$(cat "$WORK/payload")" | mosquitto_pub -r -q "${line%% *}" -t "${rest#* }" -s
  done < "$WORK/missing"
  echo "$(wc -l < "$WORK/missing") retained messages: restored"
}

wait_for look
"$1"

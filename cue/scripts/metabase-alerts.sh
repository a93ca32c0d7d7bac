#!/bin/sh
# Asks the alert questions of the plan, and posts the rows of those that have any to Slack, by incoming webhooks, which
# Metabase itself cannot do.
#   METABASE_URL ADMIN_EMAIL ADMIN_PASSWORD  as for metabase-setup.sh
#   SETUP_DIR     json.awk and the plan
#   WEBHOOKS      names of the webhooks
#   WEBHOOKS_DIR  a file for each with its address
# metabase-api.sh lies beside this script.
# shellcheck source-path=SCRIPTDIR source=metabase-api.sh
. "$(dirname "$0")/metabase-api.sh"

wait_for_metabase
log_in "$ADMIN_PASSWORD" || fail "Metabase does not take the password of $ADMIN_EMAIL"
call GET /api/collection
collection=$(find_marked "$WORK/answer" collection)
[ -n "$collection" ] || fail "the dashboards are not there yet"
call GET "/api/collection/${collection%% *}/items?models=card"
mv "$WORK/answer" "$WORK/cards"
echo '{}' > "$WORK/question"
failed=
while read -r action key source; do
  [ "$action" = alert ] || continue
  question=$(find_marked "$WORK/cards" "$key.alert")
  [ -n "$question" ] || continue
  request POST "/api/card/${question%% *}/query/json" "$WORK/question"
  case $STATUS$(head -c 1 "$WORK/answer") in
    2??\[) ;;
    *)
      say "$key: status $STATUS: $(head -c 300 "$WORK/answer")" >&2
      failed=1
      continue
      ;;
  esac
  rows=$(flat "$WORK/answer" | awk -F '\t' '
    { split($1, p, "."); if (p[1] != row) { if (NR > 1) printf "\\n"; row = p[1]; n = 0 }; printf "%s%s: %s", (n++ ? ", " : ""), p[2], $2 }')
  [ -n "$rows" ] || continue
  title=$(get "$SETUP_DIR/$key.json" name)
  printf '{"text":"*%s* (%s)\\n%s"}' "$title" "$source" "$rows" > "$WORK/message"
  for webhook in $WEBHOOKS; do
    # The address is a secret: it goes neither into arguments nor into messages.
    printf 'url = "%s"\ndata-binary = "@%s"\nheader = "Content-Type: application/json"\n' "$(cat "$WEBHOOKS_DIR/$webhook")" "$WORK/message" > "$WORK/curl"
    code=$(curl --silent --max-time 30 --config "$WORK/curl" --output /dev/null --write-out '%{http_code}') || code=none
    case $code in
      2??) say "$key: sent" ;;
      *)
        say "$key: the webhook $webhook answers with status $code" >&2
        failed=1
        ;;
    esac
  done
done < "$SETUP_DIR/plan"
# Left open, each run's session would last two weeks.
request DELETE /api/session
[ -z "$failed" ] || fail "not every alert could be sent, see above"

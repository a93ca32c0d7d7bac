#!/bin/sh
# Metabase's content, as the plan lists it; read by metabase-setup.sh once the administrator is logged in. All that is
# made carries a marker in its description, "[vela-realtime KEY HASH]", by which a later run finds it, leaves it alone
# while the hash is the same, and updates it when it is not. Nothing else is touched. Alerts that the plan no longer has
# go to the trash, so that nobody is told any more; everything else stays.
#   SETUP_DIR    the plan and the bodies that it names
#   SOURCES_DIR  a folder for each data source with the keys of its Secret
#   OWN_DIR      a folder for each ConfigMap with dashboards of the user's own
# The plan has one action a line. A dashboard's KEY has no dot in it; what belongs to a dashboard has its key, a dot, and
# more:
#   database SOURCE ENGINE TLS [CA_FILE]  a data source; engine: postgres, mysql, snowflake; TLS: disable, require, verify-ca,
#                                  verify-full; CA_FILE: certificates of the authorities, as Metabase's own pod has them
#   collection                     where everything else goes (collection.json)
#   card KEY SOURCE                a question (KEY.json)
#   place KEY ROW COLUMN WIDTH HEIGHT
#   dashboard KEY                  a dashboard (KEY.dashboard.json) with the cards of the `place` lines before it
#   own KEY SOURCE                 a dashboard (KEY.dashboard.json) of the questions in OWN_DIR/KEY
#   alert KEY SOURCE               a question (KEY.json) that is sent when it has rows (KEY.alert.json)
# metabase-api.sh has been read.
# shellcheck shell=sh disable=SC2154 # WORK and STATUS are set there

COLLECTION=
PLACES=$WORK/places
: > "$PLACES"
PROBLEMS=0

# part FILE PATH DEFAULT: the JSON text of one value.
part() {
  text=$(awk -v raw="$2" -f "$(dirname "$0")/json.awk" "$1")
  printf '%s' "${text:-$3}"
}
# key SOURCE NAME DEFAULT: a key of a data source's Secret.
key() {
  if [ -s "$SOURCES_DIR/$1/$2" ]; then cat "$SOURCES_DIR/$1/$2"; else printf '%s' "$3"; fi
}

# details SOURCE ENGINE TLS PORT [CA_FILE]: what Metabase needs to connect.
details() {
  if [ "$2" = snowflake ]; then
    printf '{"account":%s,"user":%s,"warehouse":%s,"role":%s,"db":%s' \
      "$(quoted "$(key "$1" SNOWFLAKE_ACCOUNT '')")" "$(quoted "$(key "$1" SNOWFLAKE_USER '')")" \
      "$(quoted "$(key "$1" SNOWFLAKE_WAREHOUSE '')")" "$(quoted "$(key "$1" SNOWFLAKE_ROLE '')")" \
      "$(quoted "$(key "$1" SNOWFLAKE_DATABASE '')")"
    if [ -s "$SOURCES_DIR/$1/SNOWFLAKE_PRIVATE_KEY" ]; then
      printf ',"use-password":false,"private-key-options":"uploaded","private-key-value":"data:application/octet-stream;base64,%s"}' \
        "$(base64 < "$SOURCES_DIR/$1/SNOWFLAKE_PRIVATE_KEY" | tr -d '\n')"
    else
      printf ',"use-password":true,"password":%s}' "$(quoted "$(key "$1" SNOWFLAKE_PASSWORD '')")"
    fi
    return
  fi
  printf '{"host":%s,"port":%s,"dbname":%s,"user":%s,"password":%s' \
    "$(quoted "$(key "$1" DB_HOST '')")" "$(key "$1" DB_PORT "$4")" "$(quoted "$(key "$1" DB_NAME '')")" \
    "$(quoted "$(key "$1" DB_USER '')")" "$(quoted "$(key "$1" DB_PASSWORD '')")"
  # Metabase's driver asks for MySQL's public key only when told to, and cannot log in without it or TLS.
  [ "$2" != mysql ] || printf ',"additional-options":"allowPublicKeyRetrieval=true"'
  [ -z "${5:-}" ] || printf ',"ssl-root-cert-options":"local","ssl-root-cert-path":%s' "$(quoted "$5")"
  if [ "$3" = disable ]; then printf ',"ssl":false}'; else printf ',"ssl":true,"ssl-mode":"%s"}' "$3"; fi
}

# missing_keys SOURCE ENGINE: the keys that its Secret lacks.
missing_keys() {
  case $2 in
    snowflake) needed='SNOWFLAKE_ACCOUNT SNOWFLAKE_USER SNOWFLAKE_WAREHOUSE SNOWFLAKE_DATABASE' ;;
    *) needed='DB_HOST DB_NAME DB_USER DB_PASSWORD' ;;
  esac
  for needed_key in $needed; do
    [ -s "$SOURCES_DIR/$1/$needed_key" ] || printf '%s ' "$needed_key"
  done
}

add_database() { # SOURCE ENGINE TLS [CA_FILE]
  case $2 in
    postgres) port=5432 ;;
    mysql) port=3306 ;;
    snowflake) port= ;;
    *) fail "data source $1: the plan has an unknown engine: $2" ;;
  esac
  case $3 in
    disable | require | verify-ca | verify-full) ;;
    *) fail "data source $1: the plan has an unknown mode of TLS: $3" ;;
  esac
  missing=$(missing_keys "$1" "$2")
  if [ -n "$missing" ]; then
    say "data source $1: its Secret lacks ${missing% }" >&2
    PROBLEMS=1
    return
  fi
  printf '{"name":%s,"engine":"%s","details":%s}' "$(quoted "$1")" "$2" "$(details "$1" "$2" "$3" "$port" "${4:-}")" > "$WORK/body"
  call GET /api/database
  # In old and new answers alike: a list, or a list under "data".
  id=$(flat "$WORK/answer" | awk -F '\t' -v name="$1" -v engine="$2" '
    { at = $1; sub(/\.[^.]*$/, "", at) }
    $1 ~ /^(data\.)?[0-9]+\.name$/ { names[at] = $2 }
    $1 ~ /^(data\.)?[0-9]+\.engine$/ { engines[at] = $2 }
    $1 ~ /^(data\.)?[0-9]+\.id$/ { ids[at] = $2 }
    END { for (at in ids) if (names[at] == name "" && engines[at] == engine) print ids[at] }' | sort -n | head -n 1)
  if [ -n "$id" ]; then
    request PUT "/api/database/$id" "$WORK/body"
  else
    request POST /api/database "$WORK/body"
  fi
  case $STATUS in
    2??) ;;
    *)
      say "data source $1: Metabase cannot use it: status $STATUS: $(head -c 300 "$WORK/answer")" >&2
      PROBLEMS=1
      return
      ;;
  esac
  if [ -z "$id" ]; then
    id=$(get "$WORK/answer" id)
    say "data source $1: made"
  fi
  printf '%s\n' "$id" > "$WORK/database.$1"
}

# hash_of FILE: a number that changes with what the file says.
hash_of() { cksum < "$1" | cut -d ' ' -f 1; }

# marked BODY KEY HASH: the body with the marker at the end of its description, in our collection.
marked() {
  MARK_DESCRIPTION=$(get "$1" description) MARK="[vela-realtime $2 $3]" MARK_COLLECTION=$COLLECTION awk '
    { text = text $0 "\n" }
    END {
      sub(/}[ \t\r\n]*$/, "", text)
      description = ENVIRON["MARK_DESCRIPTION"]
      printf "%s", text
      if (ENVIRON["MARK_COLLECTION"] != "") printf ",\"collection_id\":%s", ENVIRON["MARK_COLLECTION"]
      printf ",\"description\":\"%s\"}\n", (description == "" ? "" : description " ") ENVIRON["MARK"]
    }' "$1"
}

add_collection() {
  cp "$SETUP_DIR/collection.json" "$WORK/filled"
  call GET /api/collection
  found=$(find_marked "$WORK/answer" collection)
  hash=$(hash_of "$WORK/filled")
  marked "$WORK/filled" collection "$hash" > "$WORK/body"
  if [ -z "$found" ]; then
    call POST /api/collection "$WORK/body"
    COLLECTION=$(get "$WORK/answer" id)
    say "collection: made"
  else
    COLLECTION=${found%% *}
    if [ "${found#* }" != "$hash" ]; then
      call PUT "/api/collection/$COLLECTION" "$WORK/body"
      say "collection: updated"
    fi
  fi
  list_items
}

list_items() {
  for model in card dashboard; do
    call GET "/api/collection/$COLLECTION/items?models=$model"
    mv "$WORK/answer" "$WORK/${model}s"
  done
}

# find_card KEY: as find_marked, of a question. Earlier versions wrote a dash for the dot, which the card of another
# dashboard could have too; one that is found by that is marked anew.
find_card() {
  found=$(find_marked "$WORK/cards" "$1")
  if [ -z "$found" ]; then
    found=$(find_marked "$WORK/cards" "$(printf %s "$1" | sed 's/[.]own[.]/-/; t; s/[.]/-/')")
    [ -z "$found" ] || found="${found%% *} earlier"
  fi
}

# put_card KEY SOURCE BODY [HASH]: makes or updates a question. Its ID is in CARD, and CHANGED tells whether it is new.
put_card() {
  CARD=
  CHANGED=
  [ -s "$WORK/database.$2" ] || return 1
  sed "s/\"@DATABASE@\"/$(cat "$WORK/database.$2")/g" "$3" > "$WORK/filled"
  hash=${4:-$(hash_of "$WORK/filled")}
  find_card "$1"
  marked "$WORK/filled" "$1" "$hash" > "$WORK/body"
  if [ -z "$found" ]; then
    call POST /api/card "$WORK/body"
    CARD=$(get "$WORK/answer" id)
    CHANGED=made
  else
    CARD=${found%% *}
    if [ "${found#* }" != "$hash" ]; then
      call PUT "/api/card/$CARD" "$WORK/body"
      CHANGED=updated
    fi
  fi
  [ -z "$CHANGED" ] || say "question $1: $CHANGED"
}

# put_dashboard KEY: a dashboard of the placed cards. What people added to it stays.
put_dashboard() {
  cat "$SETUP_DIR/$1.dashboard.json" "$PLACES" > "$WORK/filled"
  hash=$(hash_of "$WORK/filled")
  found=$(find_marked "$WORK/dashboards" "$1")
  if [ -n "$found" ] && [ "${found#* }" = "$hash" ]; then
    : > "$PLACES"
    return
  fi
  if [ -z "$found" ]; then
    # The hash comes last, with the cards: a run that is stopped in between must not look finished.
    marked "$SETUP_DIR/$1.dashboard.json" "$1" unfinished > "$WORK/body"
    call POST /api/dashboard "$WORK/body"
    board=$(get "$WORK/answer" id)
    change=made
  else
    board=${found%% *}
    change=updated
  fi
  call GET "/api/dashboard/$board"
  mv "$WORK/answer" "$WORK/dashboard"
  marked "$SETUP_DIR/$1.dashboard.json" "$1" "$hash" | sed '$ s/}$//' > "$WORK/body"
  dashcards "$1" > "$WORK/dashcards"
  printf ',"tabs":%s,"dashcards":[%s]}\n' "$(tabs)" "$(paste -s -d , "$WORK/dashcards")" >> "$WORK/body"
  call PUT "/api/dashboard/$board" "$WORK/body"
  say "dashboard $1: $change"
  : > "$PLACES"
}

tabs() {
  flat "$WORK/dashboard" | awk -F '\t' '
    $1 ~ /^tabs\.[0-9]+\.name$/ { names[++n] = $2 }
    $1 ~ /^tabs\.[0-9]+\.id$/ { ids[++m] = $2 }
    END {
      printf "["
      for (i = 1; i <= n; i++) printf "%s{\"id\":%s,\"name\":\"%s\"}", (i > 1 ? "," : ""), ids[i], names[i]
      print "]"
    }'
}

# dashcards KEY: one line of JSON for each card of the dashboard in $WORK/dashboard: ours as placed, others as they are.
dashcards() {
  tab=$(get "$WORK/dashboard" tabs.0.id)
  # IDs of every question that we made for this dashboard, placed now or in an earlier version.
  flat "$WORK/cards" | awk -F '\t' -v marker="[vela-realtime $1." '
    { at = $1; sub(/\.[^.]*$/, "", at) }
    $1 ~ /\.id$/ { ids[at] = $2 }
    $1 ~ /\.description$/ && index($2, marker) { ours[at] = 1 }
    END { for (at in ours) print ids[at] }' > "$WORK/ours"
  cut -d ' ' -f 1 "$PLACES" >> "$WORK/ours"
  flat "$WORK/dashboard" > "$WORK/dashboard.flat"
  awk -F '\t' '$1 ~ /^dashcards\.[0-9]+\.id$/ { split($1, p, "."); print p[2], $2 }' "$WORK/dashboard.flat" > "$WORK/present"
  new=0
  while read -r card row column width height; do
    at=$(awk -F '\t' -v card="$card" '$1 ~ /^dashcards\.[0-9]+\.card_id$/ && $2 == card { split($1, p, "."); print p[2]; exit }' "$WORK/dashboard.flat")
    if [ -n "$at" ]; then
      id=$(awk -v at="$at" '$1 == at { print $2 }' "$WORK/present")
    else
      new=$((new - 1))
      id=$new
    fi
    printf '{"id":%s,"card_id":%s,"row":%s,"col":%s,"size_x":%s,"size_y":%s,"dashboard_tab_id":%s,"series":[],"parameter_mappings":[],"visualization_settings":{}}\n' \
      "$id" "$card" "$row" "$column" "$width" "$height" "${tab:-null}"
  done < "$PLACES"
  while read -r at id; do
    card=$(get "$WORK/dashboard" "dashcards.$at.card_id")
    if [ "${card:-null}" != null ] && grep -q -x "$card" "$WORK/ours"; then continue; fi
    printf '{"id":%s' "$id"
    for field in card_id action_id row col size_x size_y dashboard_tab_id parameter_mappings visualization_settings; do
      value=$(part "$WORK/dashboard" "dashcards.$at.$field" '')
      [ -z "$value" ] || printf ',"%s":%s' "$field" "$value"
    done
    printf ',"series":[%s]}\n' "$(awk -F '\t' -v at="^dashcards.$at.series.[0-9]+.id$" '
      $1 ~ at { printf "%s{\"id\":%s}", (n++ ? "," : ""), $2 }' "$WORK/dashboard.flat")"
  done < "$WORK/present"
}

# add_own KEY SOURCE: questions of the user's ConfigMap, one file each, placed as the file `layout` says, else below
# one another.
add_own() {
  row=0
  # Its ConfigMap is the user's own.
  for file in "$OWN_DIR/$1"/*.json; do
    [ -e "$file" ] || fail "dashboard $1: its ConfigMap has no key that ends in .json"
    name=$(basename "$file" .json)
    put_card "$1.own.$name" "$2" "$file" || return 0
    place=$(awk -v name="$name" '$1 == name "" { print $2, $3, $4, $5; exit }' "$OWN_DIR/$1/layout" 2>/dev/null || true)
    say "$CARD ${place:-$row 0 24 8}" >> "$PLACES"
    row=$((row + 8))
  done
  put_dashboard "$1"
}

# add_alert KEY SOURCE: a question, and the notification that sends its rows.
add_alert() {
  [ -s "$WORK/database.$2" ] || return 0
  state=$(cat "$SETUP_DIR/$1.json" "$SETUP_DIR/$1.alert.json" "$WORK/database.$2" | cksum | cut -d ' ' -f 1)
  found=$(find_marked "$WORK/cards" "$1.alert")
  if [ -n "$found" ] && [ "${found#* }" = "$state" ]; then return; fi
  put_card "$1.alert" "$2" "$SETUP_DIR/$1.json" unfinished
  call GET "/api/notification?card_id=$CARD&include_inactive=true"
  id=$(get "$WORK/answer" 0.id)
  if [ -n "$id" ]; then
    # Metabase takes a body without the numbers of its rows for another alert, and deletes this one.
    sed "1s/^{/{\"id\":$id,/; s/\"@CARD@\"/$CARD,\"id\":$(get "$WORK/answer" 0.payload.id)/" "$SETUP_DIR/$1.alert.json" > "$WORK/alert"
    call PUT "/api/notification/$id" "$WORK/alert"
  else
    sed "s/\"@CARD@\"/$CARD/" "$SETUP_DIR/$1.alert.json" > "$WORK/alert"
    call POST /api/notification "$WORK/alert"
  fi
  marked "$SETUP_DIR/$1.json" "$1.alert" "$state" > "$WORK/body"
  printf '{"description":"%s"}' "$(get "$WORK/body" description)" > "$WORK/filled"
  call PUT "/api/card/$CARD" "$WORK/filled"
  say "alert $1: ${CHANGED:-updated}"
}

# end_alerts: the alerts of an earlier plan. Metabase ends the notifications of a question that goes to the trash.
end_alerts() {
  list_items
  flat "$WORK/cards" | awk -F '\t' -v marker="[vela-realtime " '
    { at = $1; sub(/\.[^.]*$/, "", at) }
    $1 ~ /\.id$/ { ids[at] = $2 }
    $1 ~ /\.description$/ && (found = index($2, marker)) {
      key = substr($2, found + length(marker)); sub(/ .*/, "", key); if (sub(/\.alert$/, "", key)) keys[at] = key
    }
    END { for (at in keys) print ids[at], keys[at] }' > "$WORK/alerts"
  while read -r card key; do
    if grep -q "^alert $key " "$SETUP_DIR/plan"; then continue; fi
    echo '{"archived":true}' > "$WORK/body"
    call PUT "/api/card/$card" "$WORK/body"
    say "alert $key: ended"
  done < "$WORK/alerts"
}

while read -r action name rest; do
  # shellcheck disable=SC2086 # the words of a line are the arguments
  case $action in
    database) add_database "$name" $rest ;;
    collection) add_collection ;;
    card) put_card "$name" "$rest" "$SETUP_DIR/$name.json" && printf '%s\n' "$CARD" > "$WORK/card.$name" ;;
    place) [ ! -s "$WORK/card.$name" ] || say "$(cat "$WORK/card.$name") $rest" >> "$PLACES" ;;
    dashboard) [ ! -s "$PLACES" ] || put_dashboard "$name" ;;
    own) add_own "$name" "$rest" ;;
    alert) add_alert "$name" "$rest" ;;
    '') ;;
    *) fail "the plan has an unknown action: $action" ;;
  esac
done < "$SETUP_DIR/plan"
[ -z "$COLLECTION" ] || end_alerts
[ "$PROBLEMS" = 0 ] || fail "not everything could be set up, see above; trying again"

# Reads one JSON text. By default prints every scalar in it as one line, PATH<tab>VALUE: {"a": [{"b": 1}]} becomes
# "a.0.b<tab>1". Strings keep their escapes, so a value never spans lines and can be put back between quotes as it is.
# With -v raw=PATH it prints the text of the value at that path instead, just as it came.
# Ends with status 1 when the text is not JSON.
{ text = text $0 "\n" }

END {
  depth = 0; state = "value"; position = 1
  while (position <= length(text)) {
    token = next_token()
    if (token == "") break
    step(token)
  }
  if (depth != 0 || state != "end") bad("it ends too early")
}

function bad(why) {
  print "not JSON: " why | "cat 1>&2"
  close("cat 1>&2")
  exit 1
}

# next_token looks at a small window of the text, since cutting the whole text for every token would take minutes.
function next_token(   width, window) {
  while (1) {
    window = substr(text, position, 512)
    if (!match(window, /^[ \t\r\n]+/)) break
    position += RLENGTH
  }
  if (window == "") return ""
  start = position
  for (width = 512; ; width *= 2) {
    window = substr(text, position, width)
    if (match(window, /^"([^"\\]|\\.)*"/)) break
    if (match(window, /^[][{}:,]/)) break
    if (substr(window, 1, 1) != "\"" && match(window, /^[^][{}:," \t\r\n]+/) && RLENGTH < width) break
    if (length(window) < width) bad("at character " position)
  }
  position += RLENGTH
  return substr(window, 1, RLENGTH)
}

function path(   level, name) {
  name = ""
  for (level = 1; level <= depth; level++) name = name (level > 1 ? "." : "") (kind[level] == "{" ? key[level] : number[level])
  return name
}

function finish(value, from) {
  if (raw != "" && path() == raw) print substr(text, from, position - from)
  else if (raw == "" && value != "") print path() "\t" value
  state = depth == 0 ? "end" : "after"
}

function step(token,   first) {
  first = substr(token, 1, 1)
  if (state == "key" || state == "first key") {
    if (first == "\"") { key[depth] = substr(token, 2, length(token) - 2); state = "colon"; return }
    if (first == "}" && state == "first key") { leave(); return }
  } else if (state == "colon") {
    if (first == ":") { state = "value"; return }
  } else if (state == "after") {
    if (first == "," && kind[depth] == "{") { state = "key"; return }
    if (first == ",") { number[depth]++; state = "value"; return }
    if (first == (kind[depth] == "{" ? "}" : "]")) { leave(); return }
  } else if (state == "value" || state == "first value") {
    if (first == "]" && state == "first value") { leave(); return }
    if (first == "{" || first == "[") {
      depth++; kind[depth] = first; from[depth] = start; number[depth] = 0
      state = first == "{" ? "first key" : "first value"
      return
    }
    if (first == "\"") { finish(token == "\"\"" ? "" : substr(token, 2, length(token) - 2), start); return }
    if (token ~ /^(true|false|null|-?[0-9][-+.eE0-9]*)$/) { finish(token, start); return }
  }
  bad("\"" substr(token, 1, 20) "\" at character " start)
}

function leave() {
  depth--
  finish("", from[depth + 1])
}

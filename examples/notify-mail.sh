#!/bin/sh
# Mails what `itil-gate check --notify FILE` wrote to those who can act: one mail an action, to the
# first address of each of them. Needs jq and a sendmail.
#
#   notify-mail.sh notification.json
#
# Titles are strangers' text: control characters are taken out, and the subject is plain ASCII.
set -euf
actions=$(
    jq --raw-output '
      def line: gsub("[\u0000-\u001f\u007f-\u009f\u2028\u2029]"; " ");
      . as $all
      | .actions[] | select(any(.who[]; .emails != []))
      | .changes as $ids
      | [$all.changes[] | select($ids == [] or (.id | IN($ids[])))] as $changes
      | ([.who[].emails | select(. != []) | .[0]] | unique) as $to
      | {
          to: $to,
          text: ([
            "To: \($to | join(", "))",
            ("Subject: [itil-gate] \([$changes[].id] | join(", ")) waits for you"
              | gsub("[^ -~]"; "?")),
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            ($changes[] | "\(.id)  \(.title)  (\(.risk) risk)" | line),
            ($all.pull.url // $all.repository // "" | line),
            (if $all.since then "waiting since \($all.since)" else empty end),
            "",
            ("needed: \(.why)" | line),
            ("to do:  \(.command)" | line)
          ] | join("\n"))
        }
      | @base64
    ' "$1"
)
for action in $actions; do
    one=$(printf '%s' "$action" | base64 -d)
    # No address holds white space, so each is one argument.
    # shellcheck disable=SC2046
    printf '%s' "$one" | jq --raw-output .text |
        "${SENDMAIL:-sendmail}" -i -- $(printf '%s' "$one" | jq --raw-output '.to[]') || exit 1
done

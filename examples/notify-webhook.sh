#!/bin/sh
# Posts what `itil-gate check --notify FILE` wrote to the incoming webhook of a chat (Slack,
# Mattermost, Rocket.Chat): one message an action. Needs jq and curl.
#
#   WEBHOOK_URL=https://… notify-webhook.sh notification.json
#
# Titles are strangers' text: markup, links and mentions in them are taken apart here.
set -eu
messages=$(
    jq --compact-output '
      def plain: gsub("[\u0000-\u001f\u007f-\u009f]"; " ") | gsub("&"; "&amp;") | gsub("<"; "&lt;")
        | gsub(">"; "&gt;") | gsub("@"; "@\u200b") | gsub("`"; "\u2019") | gsub("[\\[\\]]"; " ");
      def titles($all): .changes as $ids | [$all.changes[]
        | select($ids == [] or (.id | IN($ids[]))) | "\(.id) \(.title)"] | join(", ");
      . as $all
      | (.pull.url // .repository // "itil-gate") as $where
      | if .failure then "\($where): could not decide: \(.failure.message)"
        else .actions[]
          | (if .who == [] then "anybody" else [.who[].person] | join(" or ") end) as $who
          | "\($where) waits for \($who): \(.command) (\(titles($all)))"
        end
      | {text: plain}
    ' "$1"
)
[ -n "$messages" ] || exit 0
printf '%s\n' "$messages" | while IFS= read -r message; do
    # The address is a secret: not an argument, which every user of the machine can see.
    printf '%s' "$message" | curl --fail --silent --show-error --max-time 20 --output /dev/null \
        --header 'Content-Type: application/json' --data-binary @- --config /dev/fd/3 3<<EOF || exit 1
url = "$WEBHOOK_URL"
EOF
done

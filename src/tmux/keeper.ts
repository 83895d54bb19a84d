/**
 * What runs in a pane: it starts the view, and stays when the view ends, so that one can read why and have it again.
 *
 * It ends with the process whose member it shows: nobody closes panes after a `kill -9`, and a view of nothing is worse
 * than none. The window keeps its zoom then, as with every other act of ours.
 *
 * Its view's environment, with what is secret in it, is handed to it in a buffer of tmux that is read once. Anything else leaves a
 * trace: the arguments of tmux's own commands, `-e` among them, stand in its log of messages, which a key shows on the screen.
 *
 * For any POSIX shell. `$1` is the process, `$2` the buffer, the rest is the view; nothing of it is read by a shell again.
 */
export const KEEPER = `owner=$1 handed=$(tmux save-buffer -b "$2" -; tmux delete-buffer -b "$2")
shift 2
set -f
IFS='
'
for pair in $handed; do export "$pair"; done
unset IFS handed pair
close() {
  window=$(tmux display-message -p -t "$TMUX_PANE" '#{window_id}')
  tmux if-shell -F -t "$TMUX_PANE" '#{&&:#{window_zoomed_flag},#{?pane_active,0,1}}' \\
    "kill-pane -t $TMUX_PANE ; resize-pane -Z -t $window" "kill-pane -t $TMUX_PANE"
}
(
  while kill -0 "$owner"; do sleep 1; done
  close || kill -HUP 0
) </dev/null >/dev/null 2>&1 &
while :; do
  "$@"
  code=$?
  stty sane
  printf '\\033[?1049l\\033[?1000l\\033[?1002l\\033[?1003l\\033[?1006l\\033[?2004l\\033[?25h\\033[0m'
  printf '\\nThis view has ended (code %s).\\nEnter opens it again, Ctrl-C closes this pane.\\n' "$code"
  tmux set-option -p -t "$TMUX_PANE" @flotilla_ended "its view has ended with code $code, Enter in it opens it again" 2>/dev/null
  read -r _ || exit 0
  tmux set-option -p -u -t "$TMUX_PANE" @flotilla_ended 2>/dev/null
done
`;

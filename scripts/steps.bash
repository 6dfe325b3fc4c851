# Sourced by the scripts that run one step after another: each step has a heading, its minutes, and a place in the verdict.

failed_steps=()

minutes() { # SECONDS -> "3.4 min"
  echo "$(($1 / 60)).$((($1 % 60) / 6)) min"
}

# step NAME COMMAND...: runs it, says how long it took, remembers a failure and goes on.
step() {
  local name=$1 began=$SECONDS status=0
  shift
  echo
  echo "=== $name"
  "$@" || status=$?
  if [ "$status" = 0 ]; then
    echo "=== $name: $(minutes $((SECONDS - began)))"
  else
    echo "=== $name: FAILED after $(minutes $((SECONDS - began)))"
    failed_steps+=("$name")
  fi
  return "$status"
}

# verdict: names the failed steps; its status is that of the whole run.
verdict() {
  [ "${#failed_steps[@]}" = 0 ] && return 0
  echo
  printf 'failed: %s\n' "${failed_steps[@]}"
  return 1
}

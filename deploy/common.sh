# What deploy/up, deploy/rollback and deploy/manage share.
# COMPOSE is `docker compose` unless it is set, DOCKER is `docker`. Which files compose reads is in .env.

fail() {
    echo "$*" >&2
    exit 1
}

[ -e .env ] || fail "Run deploy/init first."

# Ends the script if another deploy holds the lock of this folder.
exclusive() {
    exec 9< .
    flock --nonblock 9 || fail "Another deploy/up or deploy/rollback is running. Run this one when it has ended."
}

# A container that outlives the deploy must not inherit its lock.
compose() { ${COMPOSE:-docker compose} "$@" 9<&-; }

# setting NAME: prints a line's value.
setting() { sed -n "s/^$1=//p" .env; }

# remember NAME VALUE: writes a line.
remember() (
    umask 077
    { grep -v "^$1=" .env; echo "$1=$2"; } > .env.new
    mv .env.new .env
)

# replace IMAGE: replaces one web server, and when it is ready the other one and what works in the background.
# Fails at the first web server that does not become ready.
replace() {
    export IMAGE="$1"
    compose up -d --no-deps --force-recreate web-1 && ready web-1 &&
        compose up -d --no-deps --force-recreate web-2 worker housekeeping && ready web-2
}

# ready SERVICE: waits until it is, for two minutes at most, and otherwise prints what it says and has logged.
ready() {
    echo "Waiting for $1 ..."
    deadline=$(($(date +%s) + 120))
    until answer=$(compose exec -T "$1" python deploy/healthcheck.py 10 2>&1); do
        if [ "$(date +%s)" -ge "$deadline" ] || [ "$(restarts "$1")" -ge 3 ]; then
            compose logs --no-color --tail 30 "$1" >&2
            echo "$1 is not ready: $answer" >&2
            return 1
        fi
        sleep 0.2
    done
}

# restarts SERVICE: prints how often it was restarted after it exited.
restarts() {
    container=$(compose ps --all --quiet "$1")
    ${DOCKER:-docker} inspect --format '{{.RestartCount}}' "$container"
}

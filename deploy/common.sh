# Functions of deploy/up, deploy/rollback and deploy/manage.
# COMPOSE is `docker compose` unless it is set, and DOCKER is `docker`. .env names the files that compose reads.

fail() {
    echo "$*" >&2
    exit 1
}

[ -e .env ] || fail "Run deploy/init first."

# Locks this folder, or exits if another deploy has the lock.
exclusive() {
    exec 9< .
    flock --nonblock 9 || fail "Another deploy/up or deploy/rollback is running. Run this one when it has ended."
}

# Without the lock: a container runs longer than the deploy.
compose() { ${COMPOSE:-docker compose} "$@" 9<&-; }

# setting NAME: prints the value of a line in .env.
setting() { sed -n "s/^$1=//p" .env; }

# remember NAME VALUE: writes a line to .env.
remember() (
    umask 077
    { grep -v "^$1=" .env; echo "$1=$2"; } > .env.new
    mv .env.new .env
)

# replace IMAGE: replaces one web server and, when it is ready, the other one and the background services.
# Fails if a web server does not become ready.
replace() {
    export IMAGE="$1"
    compose up -d --no-deps --force-recreate web-1 && ready web-1 &&
        compose up -d --no-deps --force-recreate web-2 worker housekeeping && ready web-2
}

# ready SERVICE: waits until it is ready, two minutes at most, or prints its answer and its log.
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

# restarts SERVICE: prints how often it was restarted after a crash.
restarts() {
    container=$(compose ps --all --quiet "$1")
    ${DOCKER:-docker} inspect --format '{{.RestartCount}}' "$container"
}

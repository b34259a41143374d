# One image for the web server, the task worker, migrations and a shell: only the command differs.
#   docker build --build-arg VERSION=1.2.3 -t site .
# deploy/compose.yml runs it; docs/operations.md describes its settings.

# The digest gives each build the same base. For security updates, renew it and those in deploy/compose.yml.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-trixie@sha256:ffb752e139c0a19692a43af8d8523b274222dd68eebad5d583b45c2201c6e30a

FROM $PYTHON_IMAGE AS build

ENV PATH=/venv/bin:$PATH STATIC_ROOT=/srv/static
WORKDIR /app

# Only wheels: nothing is compiled, so the image needs no compiler, and /venv no pip.
# requirements-sentry.txt adds Sentry's client, requirements-s3.txt that of object stores.
ARG REQUIREMENTS=requirements.txt
COPY requirements*.txt .
RUN python3 -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check \
        --only-binary :all: --require-hashes -r "$REQUIREMENTS"

COPY . .
# The settings need a key and a host; these exist for this command only.
RUN SECRET_KEY=$(python -c 'import secrets; print(secrets.token_urlsafe(50))') ALLOWED_HOSTS=localhost DATA_DIR=/tmp \
        python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app /venv/lib


FROM $PYTHON_IMAGE

ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    STATIC_ROOT=/srv/static
WORKDIR /app

# The application writes to /data (a volume), /tmp and /dev/shm only.
RUN groupadd --gid 10001 app \
    && useradd --uid 10001 --gid app --no-create-home --home-dir /data --shell /usr/sbin/nologin app \
    && install --directory --owner app --group app /data /run/site

COPY --from=build /venv /venv
COPY --from=build /srv/static /srv/static
COPY --from=build /app /app

ARG VERSION=unknown
LABEL org.opencontainers.image.version=$VERSION

USER 10001
VOLUME /data
# gunicorn listens on $PORT (default: 8000).
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
    CMD ["python", "deploy/healthcheck.py"]
CMD ["gunicorn"]

# The image of the web server and of the task worker; they differ by their command.
#   docker build -t site . && docker run --env-file .env -p 8000:8000 site
FROM python:3.13-slim-trixie

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH
WORKDIR /app

COPY requirements.txt .
RUN python3 -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

COPY . .
RUN useradd --system --uid 10001 app \
    && mkdir .data && DEBUG=0 SECRET_KEY=build-only python manage.py collectstatic --noinput --verbosity 0 \
    && chown app .data

USER app
EXPOSE 8000
CMD ["gunicorn"]

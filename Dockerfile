# The gate as a container: `docker build --build-arg PG_MAJOR=18 -t gonogo .`, from a folder that holds checks/ and
# rollout.toml; `docker run --env-file gate.env -v archive:/project/reports/archive gonogo --environment=staging`.
FROM python:3.13-slim-bookworm

# The client tools of the server's own version, from PostgreSQL's package archive.
ARG PG_MAJOR=18
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client postgresql-common ca-certificates \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends "postgresql-client-${PG_MAJOR}" \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /project
COPY . .
# The versions that the suite proved: the lock as constraints, its hashes left out.
RUN sed -e '/--hash=/d' -e 's/ \\$//' locks/gonogo.txt >/tmp/constraints.txt \
    && pip install --no-cache-dir --constraint /tmp/constraints.txt ".[notify]" \
    && rm /tmp/constraints.txt \
    && useradd --system --uid 10001 --create-home gonogo \
    && install --directory --owner=gonogo reports/archive logs .gonogo

USER 10001
VOLUME /project/reports/archive
ENTRYPOINT ["gonogo", "gate"]

# The official image of PostgreSQL 15 with usage_mgmt and usagectl:
#   docker build -t usage_mgmt .
# Our tests have no engine to build it; test/t/078_distribution.pl holds its packages and
# commands against Debian 12 and the Makefile.
FROM postgres:15-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
	gcc libc6-dev libcurl4-openssl-dev libjson-c-dev libpq-dev libssl-dev libzstd-dev make postgresql-server-dev-15 zlib1g-dev
COPY . /usr/src/usage_mgmt
WORKDIR /usr/src/usage_mgmt
RUN make && make install DESTDIR=/installed

FROM postgres:15-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends \
	libcurl4 libjson-c5 libpq5 libssl3 libzstd1 zlib1g && rm -rf /var/lib/apt/lists/*
COPY --from=build /installed /

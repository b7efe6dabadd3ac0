# One stage compiles every process, one small stage per process holds only its binary.
#
#   docker build --target inventory .
#
# `docker compose up --build` builds them all; the compilation is shared.

# `dist` optimizes each of the seven binaries as a whole when it is linked: minutes more for a few per cent in size.
ARG PROFILE=release

FROM rust:1.95-bookworm AS build
ARG PROFILE
WORKDIR /suite
# The checked queries are compared with the committed cache: there is no database here.
ENV SQLX_OFFLINE=true
COPY . .
# The registry and compiled crates stay in the builder between builds, so that a change costs only what it touches.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/suite/target \
    cargo build --locked --profile "$PROFILE" \
        --package auth --package gateway --package store --package inventory \
        --package accounting --package shipping --package order \
    && mkdir /built \
    && for process in auth gateway store inventory accounting shipping order; do \
        cp "target/$PROFILE/$process" /built/; \
    done

# What every process has: nobody's user, no tool but the system's, the certificates of public authorities.
FROM debian:bookworm-slim AS process
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV BIND=0.0.0.0:8080 OPS_BIND=0.0.0.0:9090 LOG_FORMAT=json
USER 65532:65532
EXPOSE 8080 9090

FROM process AS auth
COPY --from=build /built/auth /usr/local/bin/
ENTRYPOINT ["auth"]

FROM process AS gateway
COPY --from=build /built/gateway /usr/local/bin/
ENTRYPOINT ["gateway"]

FROM process AS store
COPY --from=build /built/store /usr/local/bin/
ENTRYPOINT ["store"]

FROM process AS inventory
COPY --from=build /built/inventory /usr/local/bin/
ENTRYPOINT ["inventory"]

FROM process AS accounting
COPY --from=build /built/accounting /usr/local/bin/
ENTRYPOINT ["accounting"]

FROM process AS shipping
COPY --from=build /built/shipping /usr/local/bin/
ENTRYPOINT ["shipping"]

FROM process AS order
COPY --from=build /built/order /usr/local/bin/
ENTRYPOINT ["order"]

# One image for the apps, the examples and the jobs; the command says which it is.
# Node.js runs the TypeScript sources as they are, so there is no build step.
# `make image` builds it and says who made it from what; pin the base by its digest: BASE_IMAGE=node:24-slim@sha256:…
ARG BASE_IMAGE=node:24-slim

# The manifests alone, so that a change of a source does not install the dependencies again.
FROM ${BASE_IMAGE} AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete \
  && find . -type d -empty -delete

FROM ${BASE_IMAGE} AS dependencies
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts

FROM ${BASE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app ./
COPY migrations ./migrations
COPY packages ./packages
COPY apps ./apps
COPY examples ./examples
# A volume that is mounted here belongs to the user of the process.
RUN install --directory --owner=node --group=node /var/lib/order-events
# node, by its number: Kubernetes cannot tell from a name that it is not root.
USER 1000:1000
# Last, so that another version does not make the layers anew.
ARG BASE_IMAGE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="order-events" \
  org.opencontainers.image.description="Order events without polling: API, relay, stream gateway and their jobs" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}" \
  org.opencontainers.image.base.name="${BASE_IMAGE}"

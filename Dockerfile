# One image for the apps, the examples and the migrate job; the command says which it is.
# Node.js runs the TypeScript sources as they are, so there is no build step.

# The manifests alone, so that a change of a source does not install the dependencies again.
FROM node:24-slim AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete \
  && find . -type d -empty -delete

FROM node:24-slim AS dependencies
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app ./
COPY migrations ./migrations
COPY packages ./packages
COPY apps ./apps
COPY examples ./examples
# A volume that is mounted here belongs to the user of the process.
RUN install --directory --owner=node /var/lib/order-events
USER node

# Needs make, git, Node >= 22 with npm, Java >= 17 and Maven; the compose targets need Docker with Compose instead of Java.
# Everything else, the very version of Node that is developed with included, is installed by the targets themselves; `make test` also
# needs Python >= 3.10 with venv, and PgBouncer and Chromium, which it installs on Debian when it runs as root.

.DEFAULT_GOAL := help
# Not /bin/sh: with that one, old makes start simple commands by themselves and overlook the PATH set here.
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# npm writes this file last, so a broken installation is made again.
INSTALLED := node_modules/.package-lock.json

$(INSTALLED): package-lock.json | .node
	npm ci --no-audit --no-fund --loglevel error
	@touch $@

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 } /^##@ / { printf "\n%s\n", substr($$0, 5) }' $(MAKEFILE_LIST)

##@ Try

.PHONY: demo start picture
demo: $(INSTALLED) .java ## Start everything, place orders, break Kafka and the relay, and prove that nothing was lost (1 minute)
	node tools/demo/main.ts

start: $(INSTALLED) .java ## Start everything in the foreground until Ctrl-C, with a table of addresses
	node tools/start.ts

picture: $(INSTALLED) .java ## Make docs/live-page.png anew: the live page of the running product, with load, in Chromium (2 minutes)
	node tools/picture/main.ts

##@ Develop

.PHONY: test chaos schemathesis python-rest check drift-check generate verify chart-check alerts-check upgrade-check versions-check faults-check disk-check version clean
test: $(INSTALLED) .java ## Run unit, integration and end-to-end tests on real PostgreSQL and Kafka; FILES=part-of-a-path for some (11 minutes on 2 slow cores)
	node tools/run-tests.ts --suite unit,int,e2e $(FILES)

chaos: $(INSTALLED) .java ## Run the tests that kill, freeze, flood, fill and soak servers and apps; FILES as for test (20 minutes on 2 slow cores)
	node tools/run-tests.ts --suite chaos $(FILES)

schemathesis: $(INSTALLED) python-rest ## Send the API what its OpenAPI document allows and forbids, with all checks of Schemathesis (2 minutes)
	node --import tsx tools/schemathesis/main.ts

# What the tests of the OpenAPI document need of PyPI.
python-rest: .cache/python-rest/installed

check: $(INSTALLED) ## Check format, lint, types, contract, imports, source files and pages
	prettier --check --log-level warn .
	oxlint
	tsc --noEmit
	tsc --noEmit --project apps/stream-gateway/page
	buf lint proto
	buf breaking proto --against proto/released.bin
	node tools/check-imports/main.ts
	node tools/check-sources/main.ts
	node tools/check-docs/main.ts

drift-check: $(INSTALLED) ## Check the three constraints of docs/adr/0001, and that known violations are found
	node tools/drift-check/main.ts

generate: $(INSTALLED) ## Generate gRPC code, the live page's client, the schema dump, the OpenAPI and AsyncAPI documents and the page of settings anew
	node tools/generate/main.ts

verify: $(INSTALLED) ## Fail when a committed generated file differs from what its source generates
	node tools/generate/verify.ts

chart-check: $(INSTALLED) ## Render the Helm chart with its examples and check the result (minutes the first time: Helm is compiled with Go)
	node tools/check-chart/main.ts

alerts-check: $(INSTALLED) .java ## Test the alert rules, ask a real Prometheus what dashboards and alerts ask, and break things until alerts fire (long the first time: Prometheus is compiled with Go)
	node tools/check-alerts/main.ts

UPGRADE ?=
upgrade-check: $(INSTALLED) .java ## Run the release before and this one side by side under load, to all new and back, with kills, and judge what came of it (UPGRADE='--rounds 1' for half)
	node tools/upgrade-check/main.ts $(UPGRADE)

VERSIONS ?=
versions-check: $(INSTALLED) .java ## Run the suites that speak to PostgreSQL and Kafka against each version that is promised (VERSIONS='postgres 15 kafka 3.9' for some)
	node tools/versions-check/main.ts $(VERSIONS)

FAULTS ?=
faults-check: $(INSTALLED) .java ## Break the network and the clocks under load and judge (Linux, root; FAULTS='relay–kafka --only network --report FILE' for less)
	node tools/faults-check/main.ts $(FAULTS)

disk-check: $(INSTALLED) .java ## Fill and break the disks of PostgreSQL and Kafka under load (70 s; needs root, loop devices and mkfs.ext4)
	node tools/disk-check/disk-check.ts

version: $(INSTALLED) ## Write VERSION=x.y.z wherever the version stands
	node tools/release/version-main.ts $(VERSION)

clean: ## Remove what was installed and built (node_modules, .stack, .cache); Docker volumes stay
	rm -rf node_modules .stack .cache

##@ Subscribe

.PHONY: notifications warehouse python
notifications: $(INSTALLED) ## Run the example that watches (NOTIFICATIONS_GATEWAY=host:port, see examples/notifications)
	node examples/notifications/src/main.ts

warehouse: $(INSTALLED) ## Run the example that consumes (WAREHOUSE_GATEWAY=host:port WAREHOUSE_API_URL=…, see examples/warehouse)
	node examples/warehouse/src/main.ts

python: .cache/python/installed ## Install what examples/python needs into .cache/python

.cache/python/installed: examples/python/requirements.txt
.cache/python-rest/installed: apps/api/testing/clients/requirements.txt
.cache/python/installed .cache/python-rest/installed:
	@command -v python3 >/dev/null || \
	  { echo 'python3 not found: $< needs Python 3.10 or newer with venv (apt install python3-venv)' >&2; exit 1; }
	@python3 -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	  { echo "$$(python3 --version) does not do: $< needs Python 3.10 or newer with venv (apt install python3-venv)" >&2; exit 1; }
	python3 -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

##@ Operate

.PHONY: status
status: $(INSTALLED) ## Show who publishes what, how far, and what is wrong (node apps/outboxctl/src/main.ts --help tells more)
	node apps/outboxctl/src/main.ts status

##@ Measure

.PHONY: bench-api bench-relay bench-peers bench-gateway soak-rejections
bench-api: $(INSTALLED) .java ## Measure what requests to the API cost, with and without outbox, access control, traces, Kafka and many orders (Linux)
	node tools/bench-api/main.ts

bench-relay: $(INSTALLED) .java ## Measure latency, drain, idle cost and write side on real servers (7 minutes; Linux)
	node tools/bench-relay/main.ts

bench-peers: $(INSTALLED) .java ## Measure the relay beside Debezium and a claim-send-mark loop, in turns on the same servers (13 minutes; Linux)
	node tools/bench-peers/main.ts

bench-gateway: $(INSTALLED) .java ## Measure what thousands of watchers cost and how late they get their events (12 minutes; Linux)
	node tools/bench-gateway/main.ts

SOAK ?=
soak-rejections: $(INSTALLED) .java ## Reject 1 % of many events while gateways are killed, and check and measure (5 minutes; SOAK='--events 1000000' for more)
	node tools/soak-rejections/main.ts $(SOAK)

##@ Run in containers

.PHONY: image sbom
# The name of the image, and what it is made from: BASE_IMAGE=node:24-slim@sha256:… pins it.
IMAGE ?= order-events
BASE_IMAGE ?= node:24-slim
image: $(INSTALLED) ## Build the image with labels of its version and commit (IMAGE=registry/name BASE_IMAGE=node:24-slim@sha256:…)
	docker build --tag "$(IMAGE):$$(node -p 'require("./package.json").version')" --build-arg BASE_IMAGE="$(BASE_IMAGE)" \
	  --build-arg VERSION="$$(node -p 'require("./package.json").version')" \
	  --build-arg REVISION="$$(git rev-parse HEAD)" --build-arg CREATED="$$(date -u +%Y-%m-%dT%H:%M:%SZ)" .

SBOM ?= order-events.cdx.json
sbom: $(INSTALLED) ## Write what the image has from npm as a bill of materials, CycloneDX in JSON (SBOM=file)
	node tools/release/sbom-main.ts $(SBOM)

.PHONY: compose-up compose-observability compose-down compose-logs compose-check
compose-up: .compose ## Build and start the stack with Docker Compose, until all of it is healthy
	docker compose up --build --detach
	@# Only what keeps running: --wait takes a finished one-shot job for a failure.
	docker compose up --detach --wait postgres kafka api relay stream-gateway

compose-observability: .compose ## The same with Prometheus (127.0.0.1:9090), Grafana (3001) and a store of traces (16686)
	TRACES_ENDPOINT=http://traces:4318 docker compose --profile observability up --build --detach
	TRACES_ENDPOINT=http://traces:4318 docker compose --profile observability up --detach --wait \
	  postgres kafka api relay stream-gateway prometheus grafana traces

compose-down: .compose ## Stop the Compose stack; its data stays in the volumes
	docker compose --profile observability --profile examples down

compose-logs: .compose ## Follow the logs of the Compose stack
	docker compose logs --follow --tail 100

compose-check: $(INSTALLED) .compose ## Prove that an order reaches a subscriber of the Compose stack, then stop it
	node --import tsx tools/compose-check.ts

.PHONY: .node .java .compose
.node:
	@command -v node >/dev/null || { echo 'node not found: install Node 22 or newer (https://nodejs.org)' >&2; exit 1; }
	@command -v npm >/dev/null || { echo 'npm not found: it comes with Node (https://nodejs.org)' >&2; exit 1; }
	@major="$$(node --version | sed -E 's/^v([0-9]+).*/\1/')"; test "$$major" -ge 22 || { \
	  echo "node is $$(node --version): too old, install Node 22 or newer (https://nodejs.org)" >&2; \
	  echo "or let npm lend you one for a command: npx --yes --package node@24 -- make test" >&2; exit 1; }

.java:
	@command -v java >/dev/null || { echo 'java not found: Kafka runs on Java 17 or newer (apt install openjdk-17-jre-headless)' >&2; exit 1; }
	@test "$$(java -version 2>&1 | sed -nE 's/.* version "(1\.)?([0-9]+).*/\2/p')" -ge 17 || \
	  { echo 'java is too old: Kafka runs on Java 17 or newer (apt install openjdk-17-jre-headless)' >&2; exit 1; }
	@command -v mvn >/dev/null || { echo "mvn not found: Maven fetches Kafka's jars (apt install maven)" >&2; exit 1; }

.compose:
	@docker compose version >/dev/null 2>&1 || \
	  { echo 'docker compose not found: install Docker with the Compose plugin (https://docs.docker.com/engine/install)' >&2; exit 1; }

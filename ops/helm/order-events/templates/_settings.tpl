{{/*
The environment of a process. Takes a dictionary with `root`, `values` (of the component), `prefix` (of its settings), and `needs`,
a list of database, kafka, access.
*/}}
{{- define "order-events.environment" -}}
- name: NODE_ENV
  value: {{ .root.Values.environment }}
{{- if has "database" .needs }}
{{- include "order-events.databaseEnvironment" . }}
{{- end }}
{{- if has "kafka" .needs }}
{{- include "order-events.kafkaEnvironment" . }}
{{- end }}
{{- if has "access" .needs }}
{{- include "order-events.accessEnvironment" . }}
{{- end }}
{{- with .values.tls }}
{{- if .secret }}
- name: {{ $.prefix }}_TLS_CERTIFICATE_FILE
  value: /etc/order-events/tls/{{ .certificateKey }}
- name: {{ $.prefix }}_TLS_KEY_FILE
  value: /etc/order-events/tls/{{ .privateKeyKey }}
{{- with .clientCaKey }}
- name: {{ $.prefix }}_TLS_CLIENT_CA_FILE
  value: /etc/order-events/tls/{{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $value := .values.settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- range $name, $from := .values.secretSettings }}
{{- include "order-events.secretSetting" (dict "root" $.root "setting" $name "folder" ($name | lower | replace "_" "-") "secret" $from.secret "key" $from.key) }}
{{- end }}
{{- end }}

{{/* A secret setting, as a variable or by the name of its file. Takes `root`, `setting`, `folder`, `secret`, `key`. */}}
{{- define "order-events.secretSetting" }}
{{- if eq .root.Values.secretsAs "files" }}
- name: {{ .setting }}_FILE
  value: /etc/order-events/{{ .folder }}/{{ .key }}
{{- else }}
- name: {{ .setting }}
  valueFrom:
    secretKeyRef: { name: {{ .secret }}, key: {{ .key }} }
{{- end }}
{{- end }}

{{- define "order-events.database" -}}
{{ mustMergeOverwrite (deepCopy .root.Values.database) (deepCopy (.values.database | default dict)) | toJson }}
{{- end }}

{{- define "order-events.kafka" -}}
{{ mustMergeOverwrite (deepCopy .root.Values.kafka) (deepCopy (.values.kafka | default dict)) | toJson }}
{{- end }}

{{- define "order-events.databaseEnvironment" }}
{{- $database := include "order-events.database" . | fromJson }}
{{- $secret := $database.secret }}
- name: DATABASE_CLEARTEXT
  value: {{ $database.cleartext }}
{{- $setting := dict "root" .root "folder" "database" "secret" $secret.name }}
{{- include "order-events.secretSetting" (merge (dict "setting" "DATABASE_URL" "key" $secret.urlKey) $setting) }}
{{- with $secret.directUrlKey }}
{{- include "order-events.secretSetting" (merge (dict "setting" "DATABASE_DIRECT_URL" "key" .) $setting) }}
{{- end }}
{{- end }}

{{- define "order-events.kafkaEnvironment" }}
{{- $kafka := include "order-events.kafka" . | fromJson }}
- name: KAFKA_BROKERS
  value: {{ required "kafka.brokers: name at least one host:port" (join "," $kafka.brokers) | quote }}
- name: KAFKA_TOPIC
  value: {{ $kafka.topic | quote }}
- name: KAFKA_TLS
  value: {{ $kafka.tls.enabled | quote }}
{{- if and $kafka.tls.enabled $kafka.tls.caSecret.name }}
- name: KAFKA_TLS_CA_FILE
  value: /etc/order-events/kafka-ca/{{ $kafka.tls.caSecret.key }}
{{- end }}
{{- with $kafka.tls.clientSecret }}
{{- if and $kafka.tls.enabled .name }}
- name: KAFKA_TLS_CERTIFICATE_FILE
  value: /etc/order-events/kafka-client/{{ .certificateKey }}
- name: KAFKA_TLS_KEY_FILE
  value: /etc/order-events/kafka-client/{{ .privateKeyKey }}
{{- end }}
{{- end }}
{{- with $kafka.sasl }}
{{- if .mechanism }}
- name: KAFKA_SASL_MECHANISM
  value: {{ .mechanism }}
- name: KAFKA_CLEARTEXT_LOGIN
  value: {{ .cleartext }}
- name: KAFKA_SASL_USERNAME
  valueFrom:
    secretKeyRef: { name: {{ .secret.name }}, key: {{ .secret.usernameKey }} }
{{- include "order-events.secretSetting" (dict "root" $.root "setting" "KAFKA_SASL_PASSWORD" "folder" "kafka" "secret" .secret.name "key" .secret.passwordKey) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "order-events.accessEnvironment" }}
{{- $root := .root }}
{{- with .root.Values.access }}
{{- if .control }}
- name: ACCESS_CONTROL
  value: {{ .control | quote }}
{{- end }}
{{- if eq .control "jwt" }}
- name: ACCESS_ISSUER
  value: {{ required "access.issuer: whose tokens are taken" .issuer | quote }}
- name: ACCESS_AUDIENCE
  value: {{ required "access.audience: for whom tokens must be meant" .audience | quote }}
{{- with .algorithms }}
- name: ACCESS_ALGORITHMS
  value: {{ join "," . }}
{{- end }}
{{- if .jwksUrl }}
- name: ACCESS_JWKS_URL
  value: {{ .jwksUrl | quote }}
{{- else if .jwksSecret.name }}
- name: ACCESS_JWKS_FILE
  value: /etc/order-events/jwks/{{ .jwksSecret.key }}
{{- else }}
{{- include "order-events.secretSetting" (dict "root" $root "setting" "ACCESS_SECRET" "folder" "access" "secret" .sharedSecret.name "key" .sharedSecret.key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The files of a process: a JSON list of { folder, secret, keys }. Takes what `environment` takes. */}}
{{- define "order-events.files" -}}
{{- $files := .values.files | default list }}
{{- $asFiles := eq .root.Values.secretsAs "files" }}
{{- with .values.tls }}
{{- if .secret }}
{{- $files = append $files (dict "folder" "tls" "secret" .secret "keys" (compact (list .certificateKey .privateKeyKey .clientCaKey))) }}
{{- end }}
{{- end }}
{{- $access := .root.Values.access }}
{{- if and (has "access" .needs) (eq $access.control "jwt") (not $access.jwksUrl) }}
{{- if $access.jwksSecret.name }}
{{- $files = append $files (dict "folder" "jwks" "secret" $access.jwksSecret.name "keys" (list $access.jwksSecret.key)) }}
{{- else if $asFiles }}
{{- $files = append $files (dict "folder" "access" "secret" $access.sharedSecret.name "keys" (list $access.sharedSecret.key)) }}
{{- end }}
{{- end }}
{{- if has "database" .needs }}
{{- $database := include "order-events.database" . | fromJson }}
{{- with $database.secret }}
{{- if $asFiles }}
{{- $files = append $files (dict "folder" "database" "secret" .name "keys" (compact (list .urlKey .directUrlKey))) }}
{{- end }}
{{- end }}
{{- with $database.caSecret }}
{{- if .name }}
{{- $files = append $files (dict "folder" "database-ca" "secret" .name "keys" (list .key)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if has "kafka" .needs }}
{{- $kafka := include "order-events.kafka" . | fromJson }}
{{- if and $asFiles $kafka.sasl.mechanism }}
{{- $files = append $files (dict "folder" "kafka" "secret" $kafka.sasl.secret.name "keys" (list $kafka.sasl.secret.passwordKey)) }}
{{- end }}
{{- if $kafka.tls.enabled }}
{{- with $kafka.tls.caSecret }}
{{- if .name }}
{{- $files = append $files (dict "folder" "kafka-ca" "secret" .name "keys" (list .key)) }}
{{- end }}
{{- end }}
{{- with $kafka.tls.clientSecret }}
{{- if .name }}
{{- $files = append $files (dict "folder" "kafka-client" "secret" .name "keys" (list .certificateKey .privateKeyKey)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if $asFiles }}
{{- range $name, $from := .values.secretSettings }}
{{- $files = append $files (dict "folder" ($name | lower | replace "_" "-") "secret" $from.secret "keys" (list $from.key)) }}
{{- end }}
{{- end }}
{{- toJson $files }}
{{- end }}

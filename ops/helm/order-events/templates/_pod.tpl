{{/* What every pod has. Takes a dictionary with `root`, `component`, `values`, `needs`. */}}
{{- define "order-events.podBasics" -}}
# Variables named after services would be taken for misspelt settings.
enableServiceLinks: false
automountServiceAccountToken: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  # Secrets that are mounted are readable for this group.
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: { sizeLimit: 64Mi }
  {{- range include "order-events.files" . | fromJsonArray }}
  - name: {{ .folder }}
    secret:
      secretName: {{ .secret }}
      defaultMode: 0440
      items:
        {{- range .keys }}
        - { key: {{ . }}, path: {{ . }} }
        {{- end }}
  {{- end }}
{{- end }}

{{/* What every container has but its command and environment. Takes the same. */}}
{{- define "order-events.containerBasics" -}}
image: {{ include "order-events.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- range include "order-events.files" . | fromJsonArray }}
  - { name: {{ .folder }}, mountPath: /etc/order-events/{{ .folder }}, readOnly: true }
  {{- end }}
{{- end }}

{{- define "order-events.spread" -}}
{{- with .root.Values.topologySpreadConstraints }}
{{- toYaml . }}
{{- else }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{ include "order-events.selectorLabels" $ | nindent 6 }}
  # Of one revision: pods of the old one are about to go.
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end }}

{{/*
A deployment. Takes the above and `folder` (of the app), `prefix` (of its settings), `ports` (a dictionary of names and numbers),
`environment` and `readiness` (YAML).
*/}}
{{- define "order-events.deployment" -}}
{{- $preStopSeconds := .values.preStopSeconds | default 0 | int -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "order-events.componentName" . }}
  labels: {{ include "order-events.labels" . | nindent 4 }}
spec:
  {{- if not (dig "autoscaling" "enabled" false .values) }}
  replicas: {{ .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  minReadySeconds: 5
  # The new one works before an old one is told to go.
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  selector:
    matchLabels: {{ include "order-events.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels: {{ include "order-events.labels" . | nindent 8 }}
        {{- with .root.Values.podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with .root.Values.podAnnotations }}
      annotations: {{ toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "order-events.podBasics" . | nindent 6 }}
      serviceAccountName: {{ include "order-events.serviceAccountName" . }}
      topologySpreadConstraints: {{ include "order-events.spread" . | nindent 8 }}
      # What the process gives itself, what comes before, and some for its end to be noticed.
      terminationGracePeriodSeconds: {{ add $preStopSeconds (ceil (divf .values.stopDeadlineMs 1000)) 5 }}
      containers:
        - name: {{ .component }}
          {{- include "order-events.containerBasics" . | nindent 10 }}
          command: [node, apps/{{ .folder }}/src/main.ts]
          env:
            {{- include "order-events.environment" . | nindent 12 }}
            - name: LOG_LEVEL
              value: {{ .root.Values.logLevel }}
            - name: {{ .prefix }}_STOP_DEADLINE_MS
              value: {{ .values.stopDeadlineMs | int | quote }}
            {{- range $name, $value := .variables }}
            - name: {{ $name }}
              value: {{ $value | toString | quote }}
            {{- end }}
          ports:
            {{- range $name, $port := .ports }}
            - { name: {{ $name }}, containerPort: {{ $port }} }
            {{- end }}
          resources: {{ toYaml .values.resources | nindent 12 }}
          {{- if $preStopSeconds }}
          lifecycle:
            preStop:
              sleep: { seconds: {{ $preStopSeconds }} }
          {{- end }}
          startupProbe:
            httpGet: { path: /livez, port: admin }
            periodSeconds: 1
            failureThreshold: 60
          # Asks nobody else: another server's trouble restarts nothing.
          livenessProbe:
            httpGet: { path: /livez, port: admin }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          readinessProbe:
            {{- .readiness | nindent 12 }}
            periodSeconds: 3
            timeoutSeconds: 3
            failureThreshold: 2
{{- end }}

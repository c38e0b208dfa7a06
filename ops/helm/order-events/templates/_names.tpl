{{/* Takes the root. */}}
{{- define "order-events.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if contains $name .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The rest take a dictionary with `root` and `component`. */}}
{{- define "order-events.componentName" -}}
{{ include "order-events.fullname" .root }}-{{ .component }}
{{- end }}

{{- define "order-events.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Values.nameOverride | default .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- if .component }}
app.kubernetes.io/component: {{ .component }}
{{- end }}
{{- end }}

{{- define "order-events.labels" -}}
{{ include "order-events.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: order-events
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "order-events.serviceAccountName" -}}
{{- if .root.Values.serviceAccount.create -}}
{{ include "order-events.fullname" .root }}
{{- else -}}
{{ .root.Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "order-events.image" -}}
{{- $image := .root.Values.image -}}
{{- $tagged := printf "%s:%s" $image.repository ($image.tag | default .root.Chart.AppVersion) -}}
{{- if $image.digest }}{{ $tagged }}@{{ $image.digest }}{{ else }}{{ $tagged }}{{ end -}}
{{- end }}

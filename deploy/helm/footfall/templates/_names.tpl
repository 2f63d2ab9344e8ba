{{- define "footfall.name" -}}
{{- if contains "footfall" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-footfall" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "footfall.selector" -}}
app.kubernetes.io/name: footfall
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "footfall.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "footfall.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "footfall.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "footfall.headless" -}}
{{ include "footfall.name" . }}-workers
{{- end }}

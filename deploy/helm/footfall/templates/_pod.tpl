{{/* What the worker's pod and the Job's have in common. */}}

{{- define "footfall.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "footfall.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* Settings that the chart knows: names, and where it has mounted the secrets. */}}
{{- define "footfall.environment" -}}
- { name: FOOTFALL_BROKER, value: {{ .Values.broker | quote }} }
- { name: FOOTFALL_GROUP, value: {{ .Values.group | quote }} }
- { name: FOOTFALL_INPUT__TOPIC, value: {{ .Values.input.topic | quote }} }
- { name: FOOTFALL_INPUT__KEYED, value: {{ .Values.input.keyed | quote }} }
- { name: FOOTFALL_TOPICS__PARTITIONS, value: {{ .Values.partitions | quote }} }
- { name: FOOTFALL_LOG__FORMAT, value: json }
{{- with .Values.kafka }}
{{- if .password.secret }}
- { name: FOOTFALL_SECURITY__PASSWORD_FILE, value: /etc/footfall/secrets/password/secret }
{{- end }}
{{- if .clientSecret.secret }}
- { name: FOOTFALL_SECURITY__CLIENT_SECRET_FILE, value: /etc/footfall/secrets/client-secret/secret }
{{- end }}
{{- if .keyPassword.secret }}
- { name: FOOTFALL_SECURITY__KEY_PASSWORD_FILE, value: /etc/footfall/secrets/key-password/secret }
{{- end }}
{{- if .tls.secret }}
- { name: FOOTFALL_SECURITY__CA_FILE, value: /etc/footfall/tls/ca.crt }
{{- if .tls.clientCertificate }}
- { name: FOOTFALL_SECURITY__CERTIFICATE_FILE, value: /etc/footfall/tls/tls.crt }
- { name: FOOTFALL_SECURITY__KEY_FILE, value: /etc/footfall/tls/tls.key }
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The files: footfall.toml where every command looks for it, and a folder for each secret. */}}
{{- define "footfall.mounts" -}}
- { name: config, mountPath: /etc/footfall/footfall.toml, subPath: footfall.toml, readOnly: true }
- { name: tmp, mountPath: /tmp }
{{- with .Values.kafka }}
{{- if .password.secret }}
- { name: password, mountPath: /etc/footfall/secrets/password, readOnly: true }
{{- end }}
{{- if .clientSecret.secret }}
- { name: client-secret, mountPath: /etc/footfall/secrets/client-secret, readOnly: true }
{{- end }}
{{- if .keyPassword.secret }}
- { name: key-password, mountPath: /etc/footfall/secrets/key-password, readOnly: true }
{{- end }}
{{- if .tls.secret }}
- { name: tls, mountPath: /etc/footfall/tls, readOnly: true }
{{- end }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Takes the root context and the name of the ConfigMap. */}}
{{- define "footfall.volumes" -}}
{{- $root := index . 0 -}}
- name: config
  configMap: { name: {{ index . 1 }} }
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- with $root.Values.kafka }}
{{- if .password.secret }}
{{ include "footfall.secretVolume" (list "password" .password) }}
{{- end }}
{{- if .clientSecret.secret }}
{{ include "footfall.secretVolume" (list "client-secret" .clientSecret) }}
{{- end }}
{{- if .keyPassword.secret }}
{{ include "footfall.secretVolume" (list "key-password" .keyPassword) }}
{{- end }}
{{- if .tls.secret }}
- name: tls
  secret: { secretName: {{ .tls.secret }}, defaultMode: 0440 }
{{- end }}
{{- end }}
{{- with $root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "footfall.secretVolume" -}}
{{- $from := index . 1 -}}
- name: {{ index . 0 }}
  secret:
    secretName: {{ $from.secret }}
    defaultMode: 0440
    items: [{ key: {{ $from.key }}, path: secret }]
{{- end }}

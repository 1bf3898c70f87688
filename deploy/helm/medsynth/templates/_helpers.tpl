{{- define "medsynth.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "medsynth.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "medsynth.labels" -}}
{{ include "medsynth.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "medsynth.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- /* What every pod of ours may not do. */}}
{{- define "medsynth.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "medsynth.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* Settings that both kinds of pod have. MEDSYNTH_URL and the like would come from a service of that name: enableServiceLinks. */}}
{{- define "medsynth.environment" -}}
- {name: MEDSYNTH_REDIS, value: external}
- name: REDIS_URL
{{- if .Values.redis.existingSecret }}
  valueFrom: {secretKeyRef: {name: {{ .Values.redis.existingSecret }}, key: url}}
{{- else }}
  value: {{ required "redis.url or redis.existingSecret: where the Redis is" .Values.redis.url | quote }}
{{- end }}
- name: MEDSYNTH_HOST
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- {name: MEDSYNTH_MODELS_DIR, value: /models}
- {name: MEDSYNTH_RUNTIME_DIR, value: /run/medsynth/own}
- {name: MEDSYNTH_QUEUES, value: {{ join "," .Values.workers.queues | quote }}}
- {name: MEDSYNTH_GRACE, value: {{ .Values.workers.gracePeriod | quote }}}
{{- end }}

{{- define "medsynth.models" -}}
- name: models
{{- if .Values.models.existingClaim }}
  persistentVolumeClaim: {claimName: {{ .Values.models.existingClaim }}}
{{- else }}
  emptyDir: {}
{{- end }}
{{- end }}

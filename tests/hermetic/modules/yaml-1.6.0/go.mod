// Builds the oracle of how Kubernetes reads YAML, of the version that the kubernetes module beside it has.
module vela-realtime/hermetic/yaml

go 1.24.0

require sigs.k8s.io/yaml v1.6.0

require go.yaml.in/yaml/v2 v2.4.2 // indirect

// Pins the Prometheus operator, whose custom resource definitions the clusters of the tests have.
module vela-realtime/hermetic/prometheus-operator

go 1.24.0

require github.com/prometheus-operator/prometheus-operator v0.85.0

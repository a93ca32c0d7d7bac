// Pins Istio, whose custom resource definitions the clusters of the tests have.
module vela-realtime/hermetic/istio

go 1.24.0

require istio.io/api v1.28.0

// Pins the Gateway API, whose custom resource definitions the clusters of the tests have.
module vela-realtime/hermetic/gateway-api

go 1.24.0

require sigs.k8s.io/gateway-api v1.4.1

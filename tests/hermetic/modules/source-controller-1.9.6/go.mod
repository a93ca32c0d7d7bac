// Pins Flux's source-controller, whose custom resource definitions a cluster of the tests has.
module vela-realtime/hermetic/source-controller

go 1.26.0

require github.com/fluxcd/source-controller v1.9.6

// Pins cert-manager, whose custom resource definitions the clusters of the tests have.
module vela-realtime/hermetic/cert-manager

go 1.26.0

require github.com/cert-manager/cert-manager v1.21.2

// Builds the program that keeps a pod's namespaces: every pod has one, and no registry is asked for it.
module vela-realtime/hermetic/pause

go 1.24.0

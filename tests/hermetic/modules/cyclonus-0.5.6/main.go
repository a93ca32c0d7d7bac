// Command policy-oracle tells which connections some NetworkPolicies allow, by the package that Cyclonus, a program
// which tests what enforces policies on clusters, works its expectations out with.
//
// It reads one question, and writes an array of connections: the numbers of two peers and that of a port.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	v1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

type question struct {
	Policies []*networkingv1.NetworkPolicy
	Peers    []peer
	Ports    []port
}

// peer is a pod, or, without a namespace, an address outside of the cluster.
type peer struct {
	Namespace       string
	NamespaceLabels map[string]string
	Labels          map[string]string
	IP              string
}

type port struct {
	Number   int
	Protocol v1.Protocol
}

func (p peer) end() *matcher.TrafficPeer {
	if p.Namespace == "" {
		return &matcher.TrafficPeer{IP: p.IP}
	}
	return &matcher.TrafficPeer{IP: p.IP, Internal: &matcher.InternalPeer{
		Namespace: p.Namespace, NamespaceLabels: p.NamespaceLabels, PodLabels: p.Labels,
	}}
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		log.Fatal(err)
	}
	policy := matcher.BuildNetworkPolicies(false, asked.Policies)
	allowed := [][3]int{}
	for source, from := range asked.Peers {
		for target, to := range asked.Peers {
			for number, port := range asked.Ports {
				traffic := &matcher.Traffic{
					Source: from.end(), Destination: to.end(), ResolvedPort: port.Number, Protocol: port.Protocol,
				}
				if policy.IsTrafficAllowed(traffic).IsAllowed() {
					allowed = append(allowed, [3]int{source, target, number})
				}
			}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(allowed); err != nil {
		log.Fatal(err)
	}
}

// Command network-policies enforces the NetworkPolicies of a cluster on one node, by the package that the project
// kube-network-policies is made of. That project's own program wants to run in a pod; this one takes a kubeconfig.
//
// The first packet of each connection must come to it by an NFQUEUE rule, which whoever starts it has made. The set of
// addresses that it keeps, of pods that it knows, lets whoever starts it hold back those of pods that it cannot judge yet.
package main

import (
	"context"
	"flag"
	"log"
	"net/netip"
	"os/signal"
	"syscall"

	"github.com/google/nftables"
	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	node := flag.String("node", "", "the node's name")
	queue := flag.Int("queue", 100, "the number of the NFQUEUE rule")
	table := flag.String("table", "", "the table, of family inet, with the set of known pods' addresses")
	set := flag.String("set", "", "the set's name")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	fatal(err)
	client, err := kubernetes.NewForConfig(config)
	fatal(err)
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	controller, err := networkpolicy.NewController(
		client, factory.Networking().V1().NetworkPolicies(), factory.Core().V1().Namespaces(), pods,
		nil, nil, nil, nil, networkpolicy.Config{NodeName: *node, QueueID: *queue},
	)
	fatal(err)
	known, err := openSet(*table, *set)
	fatal(err)
	// An informer tells its handlers after its own index, which the controller looks into.
	_, err = pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(pod any) { fatal(known.update(pod.(*v1.Pod))) },
		UpdateFunc: func(_, pod any) { fatal(known.update(pod.(*v1.Pod))) },
		DeleteFunc: func(pod any) {
			if last, ok := pod.(cache.DeletedFinalStateUnknown); ok {
				pod = last.Obj
			}
			fatal(known.forget(pod.(*v1.Pod).UID))
		},
	})
	fatal(err)
	factory.Start(ctx.Done())
	fatal(controller.Run(ctx))
}

// addresses is a set in the kernel. An informer calls one handler at a time, so it needs no lock.
type addresses struct {
	netfilter *nftables.Conn
	set       *nftables.Set
	of        map[any][]nftables.SetElement
}

func openSet(table, set string) (*addresses, error) {
	netfilter, err := nftables.New()
	if err != nil {
		return nil, err
	}
	found, err := netfilter.GetSetByName(&nftables.Table{Name: table, Family: nftables.TableFamilyINet}, set)
	if err != nil {
		return nil, err
	}
	return &addresses{netfilter, found, map[any][]nftables.SetElement{}}, nil
}

// update adds the addresses of a pod once it has them, and takes them out when it has ended.
func (a *addresses) update(pod *v1.Pod) error {
	if pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
		return a.forget(pod.UID)
	}
	if pod.Spec.HostNetwork || len(a.of[pod.UID]) > 0 {
		return nil
	}
	var elements []nftables.SetElement
	for _, address := range pod.Status.PodIPs {
		if parsed, err := netip.ParseAddr(address.IP); err == nil && parsed.Is4() {
			elements = append(elements, nftables.SetElement{Key: parsed.AsSlice()})
		}
	}
	if len(elements) == 0 {
		return nil
	}
	a.of[pod.UID] = elements
	if err := a.netfilter.SetAddElements(a.set, elements); err != nil {
		return err
	}
	return a.netfilter.Flush()
}

func (a *addresses) forget(pod any) error {
	elements := a.of[pod]
	if len(elements) == 0 {
		return nil
	}
	delete(a.of, pod)
	if err := a.netfilter.SetDeleteElements(a.set, elements); err != nil {
		return err
	}
	return a.netfilter.Flush()
}

func fatal(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Command pod-security says which of the Pod Security Standards pods break, by the package that the API server's
// admission is made of. It reads a JSON list of pods, and prints a JSON list of the forbidden reasons by level.
package main

import (
	"encoding/json"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	var pods []corev1.Pod
	fatal(json.NewDecoder(os.Stdin).Decode(&pods))
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	fatal(err)
	answers := make([]map[string][]string, len(pods))
	for index, pod := range pods {
		answers[index] = map[string][]string{}
		for _, level := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
			reasons := []string{}
			version := api.LevelVersion{Level: level, Version: api.LatestVersion()}
			for _, result := range evaluator.EvaluatePod(version, &pod.ObjectMeta, &pod.Spec) {
				if !result.Allowed {
					reasons = append(reasons, result.ForbiddenReason)
				}
			}
			answers[index][string(level)] = reasons
		}
	}
	fatal(json.NewEncoder(os.Stdout).Encode(answers))
}

func fatal(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

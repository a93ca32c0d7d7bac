// Command yaml says what Kubernetes makes of texts: it reads a JSON list of them, and prints a JSON list with the JSON
// of each, or null where it is refused.
package main

import (
	"encoding/json"
	"log"
	"os"

	"sigs.k8s.io/yaml"
)

func main() {
	var texts []string
	fatal(json.NewDecoder(os.Stdin).Decode(&texts))
	answers := make([]*string, len(texts))
	for index, text := range texts {
		if data, err := yaml.YAMLToJSON([]byte(text)); err == nil {
			answer := string(data)
			answers[index] = &answer
		}
	}
	fatal(json.NewEncoder(os.Stdout).Encode(answers))
}

func fatal(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

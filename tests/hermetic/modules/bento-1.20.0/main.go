// Command bento is Bento as its own image has it, with fewer components: those of the bridge from MQTT to Kafka.
package main

import (
	"context"

	_ "github.com/warpstreamlabs/bento/public/components/io"
	_ "github.com/warpstreamlabs/bento/public/components/kafka"
	_ "github.com/warpstreamlabs/bento/public/components/mqtt"
	_ "github.com/warpstreamlabs/bento/public/components/prometheus"
	_ "github.com/warpstreamlabs/bento/public/components/pure"
	"github.com/warpstreamlabs/bento/public/service"
)

func main() {
	service.RunCLI(
		context.Background(),
		service.CLIOptSetVersion("1.20.0", ""),
		service.CLIOptSetBinaryName("bento"),
		service.CLIOptSetProductName("Bento"),
		service.CLIOptSetShowRunCommand(true),
	)
}

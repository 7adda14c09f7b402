// Command gh-deployctl is the release console for teams that ship with GitHub
// Actions onto Amazon ECS. It is installed as a gh extension: gh deployctl.
package main

import (
	"os"

	"github.com/deployctl/gh-deployctl/cmd"
)

func main() { os.Exit(cmd.Main(os.Args[1:])) }

package workflows

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Settings are what the rendered files alone hold: init reads them back, so
// that running it again changes nothing.
type Settings struct {
	Extension     Extension
	Built         bool // a file that builds images was found: ImagePrefix is its own, be it empty
	ImagePrefix   string
	PythonVersion string
	Directories   map[string]string // of the services that are built, by name
}

// With fills what is empty from other settings.
func (s Settings) With(other Settings) Settings {
	if s.Directories == nil {
		s.Directories = other.Directories
	}
	if s.Extension == (Extension{}) {
		s.Extension = other.Extension
	}
	if !s.Built {
		s.Built, s.ImagePrefix = other.Built, other.ImagePrefix
	}
	s.PythonVersion = cmp.Or(s.PythonVersion, other.PythonVersion)
	return s
}

// SettingsOf reads a workflow file that was rendered before. What it does not
// find is empty.
func SettingsOf(content []byte) Settings {
	var file struct {
		Env  map[string]string
		Jobs map[string]struct {
			Env      map[string]string
			Steps    []struct{ With map[string]string }
			Strategy struct {
				Matrix struct {
					Include []struct{ Service, Directory string }
				}
			}
		}
	}
	// A file that others wrote may be anything; then nothing is found.
	if err := yaml.Unmarshal(content, &file); err != nil {
		return Settings{}
	}
	var out Settings
	if e, err := ParseExtension(file.Env["DEPLOYCTL_EXTENSION"]); err == nil {
		e.SHA256 = file.Env["DEPLOYCTL_SHA256"]
		out.Extension = e
	}
	if prefix, ok := strings.CutSuffix(file.Jobs["build"].Env["REPOSITORY"], "${{ matrix.service }}"); ok {
		out.Built, out.ImagePrefix = true, prefix
	}
	for _, s := range file.Jobs["build"].Strategy.Matrix.Include {
		if out.Directories == nil {
			out.Directories = map[string]string{}
		}
		if s.Service != "" && pathForm.MatchString(s.Directory) {
			out.Directories[s.Service] = s.Directory
		}
	}
	for _, s := range file.Jobs["test"].Steps {
		out.PythonVersion = cmp.Or(out.PythonVersion, s.With["python-version"])
	}
	return out
}

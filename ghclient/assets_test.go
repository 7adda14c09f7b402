package ghclient

import (
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// The sum is GitHub's own, else that of the release's list, which is read without
// a token.
func TestAssetSHA256(t *testing.T) {
	own, listed := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	binary := `{"name":"gh-deployctl_v1_linux-amd64","digest":%D}, `
	list := `{"name":"gh-deployctl_v1_checksums.txt","digest":null,"browser_download_url":"http://store.localhost/sums"}`
	for name, c := range map[string]struct {
		assets, sums string
		want         string
		says         string
	}{
		"GitHub computed it":    {strings.Replace(binary, "%D", `"sha256:`+own+`"`, 1) + list, "", own, ""},
		"the release lists it":  {strings.Replace(binary, "%D", "null", 1) + list, own + "  gh-deployctl_v1_darwin-arm64\n" + strings.ToUpper(listed) + " *gh-deployctl_v1_linux-amd64\n", listed, ""},
		"a list of its own":     {strings.Replace(binary, "%D", "null", 1) + strings.Replace(list, "v1_checksums.txt", "v1_linux-amd64.sha256", 1), listed + "\n", listed, ""},
		"the list lacks it":     {strings.Replace(binary, "%D", "null", 1) + list, own + "  other\n" + own + "\n", "", "neither GitHub nor the release v1 says"},
		"there is no such file": {list, "", "", "no asset that ends in linux-amd64"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRegistry(t)
			g.get("/releases/tags/v1", `{"assets":[`+c.assets+`]}`)
			if c.sums != "" {
				g.on("GET", "http://store.localhost/sums", 302, "").with("Location", "http://store.localhost/far?sig=s")
				g.on("GET", "http://store.localhost/far?sig=s", 200, c.sums)
			}
			got, err := g.reader().AssetSHA256(t.Context(), "v1", "linux-amd64")
			if c.says != "" {
				fails(t, err, pipeline.KindNotFound, c.says)
				return
			}
			if err != nil || got != c.want {
				t.Errorf("%s, %v", got, err)
			}
			if c.sums != "" && g.last().header.Get("Authorization") != "" {
				t.Error("the store was given the token")
			}
		})
	}
}

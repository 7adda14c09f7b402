package ghclient

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// Bounds of what an archive may unpack to: more is taken for a bomb.
const (
	mostUnpacked = 4 << 30
	mostEntries  = 100_000
)

// unpack writes an archive's files below dir and returns their names. It looks
// at every entry before it writes the first: one that is no plain file, that
// points outside, or that is there already refuses the whole archive. The
// directory is opened as a root, so that no link in it leads out either.
func unpack(archive *os.File, dir string) ([]string, error) {
	info, err := archive.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(archive, info.Size())
	if err != nil {
		return nil, pipeline.Errorf(pipeline.KindInvalid, "it is no zip archive: %w", err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	files, err := safeFiles(z, root)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		if err := unpackFile(root, f); err != nil {
			return names, err
		}
		names = append(names, filepath.Join(dir, filepath.FromSlash(f.Name)))
	}
	return names, nil
}

// safeFiles are the plain files of an archive, all of which may be written.
func safeFiles(z *zip.Reader, root *os.Root) ([]*zip.File, error) {
	refuse := func(f *zip.File, why string) error {
		return &pipeline.Error{
			Kind: pipeline.KindRefused, Message: fmt.Sprintf("%q %s, so nothing was unpacked", sanitise.Text(f.Name), why),
			Hint: "look at the archive by hand before you trust it",
		}
	}
	if len(z.File) > mostEntries {
		return nil, pipeline.Errorf(pipeline.KindRefused, "it holds %d files, more than %d", len(z.File), mostEntries)
	}
	var total uint64
	var files []*zip.File
	for _, f := range z.File {
		name := filepath.FromSlash(f.Name)
		switch mode := f.Mode(); {
		case !sanitise.Safe(f.Name) || strings.ContainsRune(f.Name, '\\'):
			return nil, refuse(f, "has a name that could mislead")
		case !filepath.IsLocal(name):
			return nil, refuse(f, "points outside the directory")
		case mode.IsDir() || strings.HasSuffix(f.Name, "/"):
			continue
		case !mode.IsRegular():
			return nil, refuse(f, "is no plain file")
		}
		if _, err := root.Lstat(name); err == nil {
			return nil, &pipeline.Error{
				Kind: pipeline.KindConflict, Message: sanitise.Text(filepath.Join(root.Name(), name)) + " is there already, so nothing was unpacked",
				Hint: "choose another directory",
			}
		}
		if total += f.UncompressedSize64; total > mostUnpacked {
			return nil, pipeline.Errorf(pipeline.KindRefused, "it unpacks to more than %d GB", mostUnpacked>>30)
		}
		files = append(files, f)
	}
	return files, nil
}

// unpackFile writes one file. What it holds beyond the size that the archive
// states is not written: the bound was judged by that size.
func unpackFile(root *os.Root, f *zip.File) (err error) {
	if parent := path.Dir(f.Name); parent != "." {
		if err := root.MkdirAll(filepath.FromSlash(parent), 0o750); err != nil {
			return err
		}
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	var mode fs.FileMode = 0o640
	if f.Mode()&0o100 != 0 {
		mode = 0o750
	}
	out, err := root.OpenFile(filepath.FromSlash(f.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer func() {
		if closing := out.Close(); err == nil {
			err = closing
		}
	}()
	_, err = io.CopyN(out, in, int64(min(f.UncompressedSize64, mostUnpacked))) //nolint:gosec // bounded
	return err
}

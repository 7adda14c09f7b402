package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

var (
	// ErrDiskFull says that there is no room for another entry.
	ErrDiskFull = errors.New("journal: the disk is full")
	// ErrLocked says that another process held the journal for too long.
	ErrLocked = errors.New("journal: another process holds it")
)

const (
	lockTimeout = 10 * time.Second
	lockRetry   = 5 * time.Millisecond
	fileMode    = 0o600
	folderMode  = 0o700
)

// Journal is a record in a file. It is safe for concurrent use, also by
// several processes.
type Journal struct {
	path   string
	sync   func(*os.File) error    // brings the file to the disk
	mu     sync.Mutex              // one append at a time within the process
	acting map[string]*flock.Flock // by the id of an intent that has no receipt yet
}

// Path returns where the journal of a repository is kept below stateHome, the
// user's folder for state ($XDG_STATE_HOME). Names that are no names of hosts
// or repositories are an error.
func Path(stateHome, host, owner, repo string) (string, error) {
	for _, name := range [...]string{host, owner, repo} {
		if name == "" || strings.HasPrefix(name, "..") || name == "." || strings.ContainsAny(name, "/\\\x00") {
			return "", fmt.Errorf("journal: %q cannot name a file of %s/%s/%s", name, host, owner, repo)
		}
	}
	host = strings.ReplaceAll(host, ":", "_") // a port; not every file system takes a colon
	name := strings.ToLower(filepath.Join(host, owner, repo+".jsonl"))
	return filepath.Join(stateHome, "gh-deployctl", "journal", name), nil
}

// Open returns the journal in the file at path, whose folder it creates. The
// file itself comes with the first entry.
func Open(path string) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return nil, fmt.Errorf("journal: %w", classify(err))
	}
	return &Journal{path: path, sync: (*os.File).Sync}, nil
}

// Path returns the file in which the journal is kept.
func (j *Journal) Path() string { return j.path }

// Append adds an entry and returns it as it was written, once it is safe on the
// disk. It waits for other processes at most until the context ends, or ten
// seconds. An error means that the entry is not part of the journal; ErrDiskFull
// and ErrLocked are told apart.
//
// A line that a crash cut off is left where it is, ended, and named by an entry
// of kind Torn. From an intent to its receipt, or the end of the process, the
// intent counts as being carried out: see Abandoned.
func (j *Journal) Append(ctx context.Context, entry Entry) (Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch entry.Kind {
	case Intent:
		if err := j.begin(ctx, entry.ID); err != nil {
			return Entry{}, err
		}
	case Receipt:
		defer j.end(entry.ID)
	}
	written, err := j.append(ctx, entry)
	if err != nil && entry.Kind == Intent {
		j.end(entry.ID)
	}
	return written, err
}

// append adds an entry; the caller holds the mutex.
func (j *Journal) append(ctx context.Context, entry Entry) (Entry, error) {
	unlock, err := j.lock(ctx)
	if err != nil {
		return Entry{}, err
	}
	defer unlock()
	file, err := j.openFile()
	if err != nil {
		return Entry{}, fmt.Errorf("journal: %w", classify(err))
	}
	defer func() { _ = file.Close() }() // written data is synced before
	text, written, err := j.next(file, entry)
	if err != nil {
		return Entry{}, err
	}
	if err := j.write(file, text); err != nil {
		return Entry{}, fmt.Errorf("journal: %w", classify(err))
	}
	j.remember(written.head())
	return written, nil
}

// lock takes the lock that every append holds, and returns what gives it back.
func (j *Journal) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	lock := flock.New(j.path+".lock", flock.SetPermissions(fileMode))
	locked, err := lock.TryLockContext(ctx, lockRetry)
	switch {
	case locked:
		return func() { _ = lock.Close() }, nil // closing releases it; there is nothing to do about an error
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%w: %s.lock", ErrLocked, j.path)
	case err == nil:
		err = ctx.Err()
	}
	return nil, fmt.Errorf("journal: %w", classify(err))
}

// openFile opens the file for appending. A new file's name is durable before
// anything is written to it.
func (j *Journal) openFile() (*os.File, error) {
	_, err := os.Stat(j.path)
	created := errors.Is(err, os.ErrNotExist)
	file, err := os.OpenFile(j.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, fileMode)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.Mode().Perm()&^fileMode != 0 {
		err = file.Chmod(fileMode)
	}
	if err == nil && created {
		err = syncFolder(filepath.Dir(j.path))
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// next returns what has to be written to add the entry, and the entry as it
// then stands.
func (j *Journal) next(file *os.File, entry Entry) (text []byte, written Entry, err error) {
	head, rest, err := readTail(file)
	if err != nil {
		return nil, Entry{}, fmt.Errorf("journal: %w", err)
	}
	if known := remembered(j.path); known.Seq >= head.Seq && known != head {
		head = known // the end was cut off or replaced: the break stays visible
	}
	if rest.open {
		text = append(text, '\n')
	}
	if len(rest.broken) > 0 {
		data, err := json.Marshal(tornOf(rest.broken))
		if err != nil {
			return nil, Entry{}, fmt.Errorf("journal: %w", err)
		}
		mark := Entry{Kind: Torn, Operator: entry.Operator, Command: entry.Command, Data: data}
		if text, mark, err = mark.appendTo(text, head); err != nil {
			return nil, Entry{}, err
		}
		head = mark.head()
	}
	return entry.appendTo(text, head)
}

// appendTo appends the entry's line to text, sealed as the successor of head.
func (e Entry) appendTo(text []byte, head Head) ([]byte, Entry, error) {
	sealed, err := e.seal(head)
	if err != nil {
		return nil, Entry{}, err
	}
	line, err := sealed.line()
	if err != nil {
		return nil, Entry{}, err
	}
	return append(text, line...), sealed, nil
}

// write appends text to the file and brings it to the disk. What could be
// written of it is taken back when that fails.
func (j *Journal) write(file *os.File, text []byte) error {
	before, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = j.sync(file)
	}
	if err != nil {
		_ = file.Truncate(before) // if this fails too, the next append marks the line as torn
	}
	return err
}

// tail is what stands behind the last entry of a file.
type tail struct {
	broken []byte // lines that are no entries, without the last line break
	open   bool   // the last line does not end
}

// readTail returns the head of the chain, without checking that chain, and what
// stands behind it. It reads as little of the file as it can.
func readTail(file *os.File) (Head, tail, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return Head{}, tail{}, err
	}
	for chunk := int64(64 << 10); ; chunk *= 4 {
		start := max(size-chunk, 0)
		text := make([]byte, size-start)
		if _, err := file.ReadAt(text, start); err != nil && !errors.Is(err, io.EOF) {
			return Head{}, tail{}, err
		}
		open := len(text) > 0 && text[len(text)-1] != '\n'
		end := bytes.TrimSuffix(text, []byte("\n"))
		for behind := len(end); ; {
			from := bytes.LastIndexByte(end[:behind], '\n') + 1
			if from == 0 && start > 0 {
				break // the line begins before the chunk
			}
			// A line without its end counts only if it is whole otherwise.
			last := behind == len(end)
			if e, err := parse(end[from:behind]); err == nil || errors.Is(err, errChanged) && !(last && open) {
				return e.head(), tail{broken: bytes.TrimPrefix(end[behind:], []byte("\n")), open: open}, nil
			}
			if from == 0 {
				return Head{}, tail{broken: end, open: open}, nil
			}
			behind = from - 1
		}
	}
}

// remember notes the head beside the journal, so that entries that somebody
// cuts off its end are missed. It is no harm if it is one entry behind.
func (j *Journal) remember(head Head) {
	file, err := os.OpenFile(j.path+".head", os.O_WRONLY|os.O_CREATE, fileMode)
	if err != nil {
		return
	}
	// One write of a fixed length leaves either the old head or the new one.
	_, _ = fmt.Fprintf(file, "%020d %s\n", head.Seq, head.Hash)
	_ = file.Close()
}

// remembered returns the head that was noted last beside the journal at path,
// or an empty one.
func remembered(path string) Head {
	text, err := os.ReadFile(path + ".head")
	if err != nil {
		return Head{}
	}
	var head Head
	if n, err := fmt.Sscanf(string(text), "%d %64s\n", &head.Seq, &head.Hash); n != 2 || err != nil || len(head.Hash) != 64 {
		return Head{}
	}
	return head
}

// syncFolder makes a new file's name durable.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // which cannot, and need not
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // it was only synced
	return folder.Sync()
}

// classify marks the errors of a full disk, quota or file-size limit.
func classify(err error) error {
	for _, full := range [...]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return fmt.Errorf("%w: %w", ErrDiskFull, err)
		}
	}
	return err
}

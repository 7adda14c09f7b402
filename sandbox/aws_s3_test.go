package sandbox

import (
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// sendS3 sends one request to S3; extra are headers as name, value.
func sendS3(t *testing.T, config aws.Config, method, url, body string, extra ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAX/20261123/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=0")
	for i := 0; i < len(extra); i += 2 {
		request.Header.Set(extra[i], extra[i+1])
	}
	response, err := config.HTTPClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// chunked encodes a body as SDKs upload it: two signed chunks and a checksum
// that follows.
func chunked(body string) string {
	half := len(body) / 2
	signature := ";chunk-signature=" + strings.Repeat("0", 64)
	return fmt.Sprintf("%x%s\r\n%s\r\n%x%s\r\n%s\r\n0%s\r\nx-amz-checksum-crc32:%s\r\n\r\n",
		half, signature, body[:half], len(body)-half, signature, body[half:], signature, checksum(crc32.NewIEEE(), []byte(body)))
}

func TestS3Objects(t *testing.T) {
	_, config := newAWS(t)
	const (
		path = "http://aws.sandbox/shop-backups/"
		host = "http://shop-backups.aws.sandbox/"
	)
	put, _ := sendS3(t, config, http.MethodPut, path+"state/9310.json", `{"a":1}`, "Content-Type", "application/json", "X-Amz-Meta-Release", "v1.42.0")
	if put.StatusCode != http.StatusOK || put.Header.Get("ETag") == "" {
		t.Fatalf("put: %s", put.Status)
	}
	got, body := sendS3(t, config, http.MethodGet, host+"state/9310.json", "")
	if body != `{"a":1}` || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("X-Amz-Meta-Release") != "v1.42.0" || got.Header.Get("ETag") != put.Header.Get("ETag") {
		t.Errorf("got %q with %v", body, got.Header)
	}
	head, _ := sendS3(t, config, http.MethodHead, host+"state/9310.json", "")
	if head.ContentLength != 7 {
		t.Errorf("head: %d bytes", head.ContentLength)
	}
	long := strings.Repeat("line\r\n", 1000)
	if put, text := sendS3(t, config, http.MethodPut, host+"long", chunked(long),
		"X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "Content-Encoding", "aws-chunked"); put.StatusCode != http.StatusOK {
		t.Errorf("chunked: %s %s", put.Status, text)
	}
	if _, body := sendS3(t, config, http.MethodGet, host+"long", ""); body != long {
		t.Errorf("%d bytes came back of %d", len(body), len(long))
	}
	part, body := sendS3(t, config, http.MethodGet, host+"long", "", "Range", "bytes=0-3")
	if part.StatusCode != http.StatusPartialContent || body != "line" {
		t.Errorf("range: %s %q", part.Status, body)
	}
	if gone, _ := sendS3(t, config, http.MethodDelete, host+"long", ""); gone.StatusCode != http.StatusNoContent {
		t.Errorf("delete: %s", gone.Status)
	}
}

func TestS3Refuses(t *testing.T) {
	_, config := newAWS(t)
	const host = "http://shop-backups.aws.sandbox/"
	sendS3(t, config, http.MethodPut, host+"there", "x")
	broken := strings.Replace(chunked("twelve bytes"), "twelve", "eleven", 1)
	tests := []struct {
		name, method, url, body string
		extra                   []string
		status                  int
		contains                string
	}{
		{"no key", http.MethodGet, host + "none", "", nil, 404, "<Code>NoSuchKey</Code>"},
		{"no bucket", http.MethodGet, "http://none.aws.sandbox/x", "", nil, 404, "<Code>NoSuchBucket</Code>"},
		{"head", http.MethodHead, host + "none", "", nil, 404, ""},
		{"exists", http.MethodPut, host + "there", "y", []string{"If-None-Match", "*"}, 412, "<Code>PreconditionFailed</Code>"},
		{"digest", http.MethodPut, host + "new", "y", []string{"Content-Md5", "AAAA"}, 400, "<Code>BadDigest</Code>"},
		{"checksum", http.MethodPut, host + "new", broken, []string{"X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, 400, "<Code>BadDigest</Code>"},
		{"cut off", http.MethodPut, host + "new", chunked("twelve bytes")[:90], []string{"X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, 400, "<Code>IncompleteBody</Code>"},
		{"upload in parts", http.MethodPost, host + "new?uploads", "", nil, 405, "<Code>MethodNotAllowed</Code>"},
		{"denied", http.MethodGet, host + "there", "", []string{"Authorization", "AWS4-HMAC-SHA256 Credential=DENIED/20261123/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=0"}, 403, "s3:GetObject"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, body := sendS3(t, config, test.method, test.url, test.body, test.extra...)
			if response.StatusCode != test.status || !strings.Contains(body, test.contains) {
				t.Errorf("%s %s, want %d with %s", response.Status, body, test.status, test.contains)
			}
		})
	}
	if _, body := sendS3(t, config, http.MethodGet, host+"there", ""); body != "x" {
		t.Errorf("a refused upload changed the object to %q", body)
	}
}

func TestS3List(t *testing.T) {
	api, config := newAWS(t)
	bucket := api.world.Cloud.Buckets["shop-backups"]
	for _, key := range []string{"a/1", "a/2", "b/1", "c", "d e"} {
		bucket.Objects[key] = &Object{Body: []byte(key), Modified: api.world.now}
	}
	const host = "http://shop-backups.aws.sandbox/"
	tests := []struct {
		query    string
		contains []string
		lacks    string
	}{
		{"?list-type=2", []string{"<KeyCount>5</KeyCount>", "<IsTruncated>false</IsTruncated>", "<Key>a/1</Key>"}, "CommonPrefixes"},
		{"?list-type=2&delimiter=/", []string{"<Prefix>a/</Prefix>", "<Prefix>b/</Prefix>", "<Key>c</Key>", "<KeyCount>4</KeyCount>"}, "<Key>a/1"},
		{"?list-type=2&prefix=a/", []string{"<Key>a/2</Key>", "<KeyCount>2</KeyCount>"}, "<Key>c<"},
		{"?list-type=2&delimiter=/&max-keys=1", []string{"<IsTruncated>true</IsTruncated>", "<Prefix>a/</Prefix>", "NextContinuationToken"}, "<Prefix>b/"},
		{"?list-type=2&encoding-type=url&start-after=c", []string{"<Key>d+e</Key>", "<KeyCount>1</KeyCount>"}, "<Key>c<"},
		{"?location", []string{Region}, "Contents"},
	}
	for _, test := range tests {
		_, body := sendS3(t, config, http.MethodGet, host+test.query, "")
		for _, part := range test.contains {
			if !strings.Contains(body, part) {
				t.Errorf("%s lacks %s: %s", test.query, part, body)
			}
		}
		if strings.Contains(body, test.lacks) {
			t.Errorf("%s contains %s: %s", test.query, test.lacks, body)
		}
	}
	if _, body := sendS3(t, config, http.MethodGet, "http://aws.sandbox/", ""); !strings.Contains(body, "<Bucket><CreationDate>") {
		t.Errorf("buckets: %s", body)
	}
}

// TestS3Pages follows the tokens through a bucket, folder by folder.
func TestS3Pages(t *testing.T) {
	bucket := &Bucket{Objects: map[string]*Object{}}
	for i := range 40 {
		bucket.Objects[fmt.Sprintf("%02d/%d", i/4, i%4)] = &Object{}
	}
	var folders []string
	after := ""
	for {
		page := bucket.list("", "/", after, 3)
		folders = append(folders, page.prefixes...)
		if !page.more {
			break
		}
		after = page.last
	}
	if len(folders) != 10 {
		t.Errorf("folders %v, want ten, each once", folders)
	}
}

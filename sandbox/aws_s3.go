package sandbox

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// isS3 reports whether a request to AWS is for S3: it has a bucket in its host,
// or is signed for it, or is no call of any other protocol.
func isS3(r *http.Request) bool {
	if r.Header.Get("X-Amz-Target") != "" || r.Header.Get("Smithy-Protocol") != "" {
		return false
	}
	return bucketInHost(r) != "" || strings.Contains(r.Header.Get("Authorization"), "/s3/aws4_request") ||
		strings.Contains(r.URL.Query().Get("X-Amz-Credential"), "/s3/aws4_request") ||
		r.Method != http.MethodPost && !r.URL.Query().Has("Action")
}

// bucketInHost is BUCKET of BUCKET.aws.sandbox; empty for the bare host.
func bucketInHost(r *http.Request) string {
	bucket, ok := strings.CutSuffix(hostOf(r), "."+awsHost)
	if !ok {
		return ""
	}
	return bucket
}

// An s3Request is one request to S3.
type s3Request struct {
	*http.Request
	api    *awsAPI
	id     string
	bucket string
	key    string
}

func newS3Request(a *awsAPI, r *http.Request, id string) s3Request {
	request := s3Request{Request: r, api: a, id: id, bucket: bucketInHost(r), key: strings.TrimPrefix(r.URL.Path, "/")}
	if request.bucket == "" {
		request.bucket, request.key, _ = strings.Cut(request.key, "/")
	}
	return request
}

func (r s3Request) answer(w http.ResponseWriter) {
	w.Header().Set("X-Amz-Request-Id", r.id)
	w.Header().Set("Server", "AmazonS3")
	if err := r.serve(w); err != nil {
		r.refuse(w, asAWSError(err))
	}
}

func (r s3Request) serve(w http.ResponseWriter) error {
	action := r.action()
	if action == "" {
		return &awsError{code: "MethodNotAllowed", message: "The specified method is not allowed against this resource.", status: http.StatusMethodNotAllowed}
	}
	caller, err := r.api.authenticate(r.Request)
	if err != nil {
		return err
	}
	if err := r.api.authorize(action, caller); err != nil {
		return err
	}
	if policies, limited := r.api.policiesOf(caller.accessKey, caller.principal()); limited &&
		decide(policies, access{action: action, resource: "arn:aws:s3:::" + r.bucket + "/" + r.key}) != "allowed" {
		return s3Failure(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	if r.bucket == "" {
		return r.listBuckets(w)
	}
	bucket := r.api.world.Cloud.Buckets[r.bucket]
	if bucket == nil {
		return s3Failure(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	}
	switch action {
	case "s3:GetObject":
		return r.getObject(w, bucket)
	case "s3:PutObject":
		return r.putObject(w, bucket)
	case "s3:DeleteObject":
		return r.deleteObject(w, bucket)
	case "s3:GetBucketLocation":
		r.write(w, http.StatusOK, "LocationConstraint", Region)
	case "s3:ListBucket":
		return r.listObjects(w, bucket)
	}
	return nil
}

// action is the IAM name of what is asked; empty when the sandbox has no such
// operation.
func (r s3Request) action() string {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case r.bucket == "" && r.Method == http.MethodGet:
		return "s3:ListAllMyBuckets"
	case r.bucket == "":
		return ""
	case r.key == "" && r.Method == http.MethodGet && r.URL.Query().Has("location"):
		return "s3:GetBucketLocation"
	case r.key == "" && read:
		return "s3:ListBucket"
	case r.key == "":
		return ""
	case read:
		return "s3:GetObject"
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") == "" && !r.URL.Query().Has("uploadId"):
		return "s3:PutObject"
	case r.Method == http.MethodDelete:
		return "s3:DeleteObject"
	}
	return ""
}

func s3Failure(status int, code, message string) *awsError {
	return &awsError{code: code, message: message, status: status}
}

func (r s3Request) refuse(w http.ResponseWriter, err *awsError) {
	code, status := err.inQuery()
	if err.code == errThrottled().code {
		code, status = "SlowDown", http.StatusServiceUnavailable
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(status)
		return
	}
	r.write(w, status, "Error", document{
		"Code": code, "Message": err.message, "Resource": r.URL.Path, "RequestId": r.id,
	})
}

// write sends an XML document; only successful answers carry S3's namespace.
func (r s3Request) write(w http.ResponseWriter, status int, name string, value any) {
	var inner, body xmlWriter
	inner.member(name, value)
	body.WriteString(xml.Header)
	text := inner.String()
	if status == http.StatusOK {
		text = strings.Replace(text, "<"+name+">", "<"+name+` xmlns="`+s3Namespace+`">`, 1)
	}
	body.WriteString(text)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}

func (r s3Request) listBuckets(w http.ResponseWriter) error {
	var list []document
	buckets := r.api.world.Cloud.Buckets
	for _, name := range slices.Sorted(maps.Keys(buckets)) {
		list = append(list, document{"Name": name}.at("CreationDate", buckets[name].Created))
	}
	r.write(w, http.StatusOK, "ListAllMyBucketsResult", document{
		"Owner": document{"ID": Account, "DisplayName": "shop"}, "Buckets": namedList{"Bucket", list},
	})
	return nil
}

func (r s3Request) getObject(w http.ResponseWriter, bucket *Bucket) error {
	object := bucket.Objects[r.key]
	if object == nil {
		return s3Failure(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	header := w.Header()
	header.Set("Content-Type", object.ContentType)
	header.Set("ETag", object.etag())
	for name, value := range object.Meta {
		header["x-amz-meta-"+name] = []string{value} // clients show the name as it is written
	}
	if strings.EqualFold(r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") && r.Header.Get("Range") == "" {
		header.Set("X-Amz-Checksum-Crc32", checksum(crc32.NewIEEE(), object.Body))
	}
	// ServeContent answers ranges and conditions as S3 does.
	http.ServeContent(w, r.Request, "", object.Modified, bytes.NewReader(object.Body))
	return nil
}

func (o *Object) etag() string {
	sum := md5.Sum(o.Body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func checksum(h hash.Hash, body []byte) string {
	_, _ = h.Write(body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func (r s3Request) putObject(w http.ResponseWriter, bucket *Bucket) error {
	if r.Header.Get("If-None-Match") == "*" && bucket.Objects[r.key] != nil {
		return s3Failure(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	body, trailer, err := r.readBody()
	if err != nil {
		return err
	}
	if err := r.verify(body, trailer); err != nil {
		return err
	}
	object := &Object{Body: body, ContentType: r.Header.Get("Content-Type"), Modified: r.api.world.Now(), Meta: map[string]string{}}
	if object.ContentType == "" {
		object.ContentType = "binary/octet-stream"
	}
	for name, values := range r.Header {
		if key, ok := strings.CutPrefix(name, "X-Amz-Meta-"); ok {
			object.Meta[strings.ToLower(key)] = values[0]
		}
	}
	bucket.Objects[r.key] = object
	w.Header().Set("ETag", object.etag())
	w.Header().Set("X-Amz-Checksum-Crc32", checksum(crc32.NewIEEE(), body))
	w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	w.WriteHeader(http.StatusOK)
	return nil
}

// verify checks the digests that the client sent along.
func (r s3Request) verify(body []byte, trailer http.Header) error {
	sum := md5.Sum(body)
	if given := r.Header.Get("Content-Md5"); given != "" && given != base64.StdEncoding.EncodeToString(sum[:]) {
		return s3Failure(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	for _, headers := range []http.Header{r.Header, trailer} {
		if given := headers.Get("X-Amz-Checksum-Crc32"); given != "" && given != checksum(crc32.NewIEEE(), body) {
			return s3Failure(http.StatusBadRequest, "BadDigest", "The CRC32 you specified did not match the calculated checksum.")
		}
	}
	return nil
}

// readBody reads an upload, plain or in the chunks that SDKs sign one by one.
func (r s3Request) readBody() (body []byte, trailer http.Header, err error) {
	limited := http.MaxBytesReader(nil, r.Body, awsBodyLimit)
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body, err = io.ReadAll(limited)
	} else {
		body, trailer, err = readAWSChunks(bufio.NewReader(limited))
	}
	if err != nil {
		return nil, nil, s3Failure(http.StatusBadRequest, "IncompleteBody", "The body could not be read: "+err.Error())
	}
	return body, trailer, nil
}

// readAWSChunks reads the aws-chunked encoding: chunks of "SIZE[;…]\r\nDATA\r\n",
// one of size zero, then trailing headers.
func readAWSChunks(reader *bufio.Reader) (body []byte, trailer http.Header, err error) {
	for {
		line, err := chunkLine(reader)
		if err != nil {
			return nil, nil, err
		}
		digits, _, _ := strings.Cut(line, ";")
		size, err := strconv.ParseInt(digits, 16, 32)
		if err != nil {
			return nil, nil, fmt.Errorf("chunk size %q", digits)
		}
		if size == 0 {
			break
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(reader, chunk); err != nil {
			return nil, nil, err
		}
		body = append(body, chunk[:size]...)
	}
	trailer = http.Header{}
	for {
		line, err := chunkLine(reader)
		if line == "" {
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, nil, err
			}
			return body, trailer, nil
		}
		name, value, _ := strings.Cut(line, ":")
		trailer.Add(name, strings.TrimSpace(value))
	}
}

func chunkLine(reader *bufio.Reader) (string, error) {
	line, err := reader.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

func (r s3Request) deleteObject(w http.ResponseWriter, bucket *Bucket) error {
	delete(bucket.Objects, r.key)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listObjects answers both versions of the list, by prefix and delimiter.
func (r s3Request) listObjects(w http.ResponseWriter, bucket *Bucket) error {
	if r.Method == http.MethodHead {
		w.Header().Set("X-Amz-Bucket-Region", Region)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	query := r.URL.Query()
	most, err := pageSize(query)
	if err != nil {
		return err
	}
	after := query.Get("start-after") + query.Get("marker")
	if token := query.Get("continuation-token"); token != "" {
		decoded, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return s3Failure(http.StatusBadRequest, "InvalidArgument", "The continuation token provided is incorrect")
		}
		after = string(decoded)
	}
	list := bucket.list(query.Get("prefix"), query.Get("delimiter"), after, most)
	encode := func(text string) string { return text }
	if query.Get("encoding-type") == "url" {
		encode = url.QueryEscape
	}
	r.write(w, http.StatusOK, "ListBucketResult", list.document(bucket, query, encode, most))
	return nil
}

func pageSize(query url.Values) (int, error) {
	text := query.Get("max-keys")
	if text == "" {
		return 1000, nil
	}
	most, err := strconv.Atoi(text)
	if err != nil || most < 0 {
		return 0, s3Failure(http.StatusBadRequest, "InvalidArgument", "Provided max-keys not an integer or within integer range")
	}
	return min(most, 1000), nil
}

// An objectList is one page of a bucket.
type objectList struct {
	keys     []string
	prefixes []string
	last     string // where the next page begins
	more     bool
}

func (b *Bucket) list(prefix, delimiter, after string, most int) (list objectList) {
	for _, key := range slices.Sorted(maps.Keys(b.Objects)) {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok || key <= after {
			continue
		}
		folder := ""
		if head, _, found := strings.Cut(rest, delimiter); found && delimiter != "" {
			folder = prefix + head + delimiter
		}
		if folder != "" && (slices.Contains(list.prefixes, folder) || strings.HasPrefix(after, folder)) {
			list.last = key
			continue
		}
		if len(list.keys)+len(list.prefixes) == most {
			list.more = true
			return list
		}
		if folder != "" {
			list.prefixes = append(list.prefixes, folder)
		} else {
			list.keys = append(list.keys, key)
		}
		list.last = key
	}
	return list
}

func (l objectList) document(bucket *Bucket, query url.Values, encode func(string) string, most int) document {
	var contents, folders []document
	for _, key := range l.keys {
		object := bucket.Objects[key]
		contents = append(contents, document{
			"Key": encode(key), "ETag": object.etag(), "Size": len(object.Body), "StorageClass": "STANDARD",
		}.at("LastModified", object.Modified.Truncate(time.Second)))
	}
	for _, folder := range l.prefixes {
		folders = append(folders, document{"Prefix": encode(folder)})
	}
	out := document{
		"Name": bucket.Name, "Prefix": encode(query.Get("prefix")), "MaxKeys": most, "IsTruncated": l.more,
		"KeyCount": len(l.keys) + len(l.prefixes), "Contents": flatList(contents), "CommonPrefixes": flatList(folders),
	}
	if l.more {
		out["NextContinuationToken"] = base64.RawURLEncoding.EncodeToString([]byte(l.last))
		out["NextMarker"] = encode(l.last)
	}
	return out.set("Delimiter", encode(query.Get("delimiter"))).set("EncodingType", query.Get("encoding-type"))
}

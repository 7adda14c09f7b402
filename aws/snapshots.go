package aws

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/smithy-go"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Snapshots reads the snapshots of a database, newest first. The name may be
// that of an instance or of a cluster.
func (c *Cloud) Snapshots(ctx context.Context, cluster pipeline.Cluster, instance string) ([]pipeline.DatabaseSnapshot, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	snapshots, err := s.instanceSnapshots(ctx, instance)
	if err == nil && len(snapshots) == 0 {
		snapshots, err = s.clusterSnapshots(ctx, instance)
	}
	if err != nil {
		return nil, s.classify("list the snapshots", "database "+instance, err)
	}
	slices.SortStableFunc(snapshots, func(a, b pipeline.DatabaseSnapshot) int { return b.Created.Compare(a.Created) })
	return snapshots, nil
}

func (s *session) instanceSnapshots(ctx context.Context, instance string) ([]pipeline.DatabaseSnapshot, error) {
	snapshots, err := pages(func(marker *string) ([]pipeline.DatabaseSnapshot, *string, error) {
		out, err := s.rds.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{DBInstanceIdentifier: &instance, Marker: marker})
		if err != nil {
			return nil, nil, err
		}
		var page []pipeline.DatabaseSnapshot
		for _, d := range out.DBSnapshots {
			page = append(page, pipeline.DatabaseSnapshot{
				ID: text(d.DBSnapshotIdentifier), Instance: text(d.DBInstanceIdentifier),
				Status: text(d.Status), Created: moment(d.SnapshotCreateTime),
			})
		}
		return page, out.Marker, nil
	})
	return snapshots, unlessNoDatabase(err)
}

func (s *session) clusterSnapshots(ctx context.Context, cluster string) ([]pipeline.DatabaseSnapshot, error) {
	snapshots, err := pages(func(marker *string) ([]pipeline.DatabaseSnapshot, *string, error) {
		out, err := s.rds.DescribeDBClusterSnapshots(ctx, &rds.DescribeDBClusterSnapshotsInput{DBClusterIdentifier: &cluster, Marker: marker})
		if err != nil {
			return nil, nil, err
		}
		var page []pipeline.DatabaseSnapshot
		for _, d := range out.DBClusterSnapshots {
			page = append(page, pipeline.DatabaseSnapshot{
				ID: text(d.DBClusterSnapshotIdentifier), Instance: text(d.DBClusterIdentifier),
				Status: text(d.Status), Created: moment(d.SnapshotCreateTime),
			})
		}
		return page, out.Marker, nil
	})
	return snapshots, unlessNoDatabase(err)
}

// unlessNoDatabase drops the error that says that there is no such instance or
// cluster: the name may be that of the other sort.
func unlessNoDatabase(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "DBInstanceNotFound", "DBInstanceNotFoundFault", "DBClusterNotFoundFault", "DBSnapshotNotFound", "DBClusterSnapshotNotFoundFault":
			return nil
		}
	}
	return err
}

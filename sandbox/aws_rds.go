package sandbox

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

var rdsOperations = map[string]awsOperation{
	"DescribeDBInstances":        operation((*awsAPI).describeDBInstances),
	"DescribeDBSnapshots":        operation((*awsAPI).describeDBSnapshots),
	"CreateDBSnapshot":           operation((*awsAPI).createDBSnapshot),
	"ListTagsForResource":        operation((*awsAPI).listRDSTags),
	"DescribeDBClusters":         operation((*awsAPI).describeDBClusters),
	"DescribeDBClusterSnapshots": operation((*awsAPI).describeDBClusterSnapshots),
	"AddTagsToResource":          operation((*awsAPI).addRDSTags),
}

// restoreDelay is how far the newest restorable moment lies behind.
const restoreDelay = 5 * time.Minute

var snapshotName = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

type rdsFilter struct {
	Name   string
	Values []string
}

type rdsTag struct{ Key, Value string }

type rdsInput struct {
	DBInstanceIdentifier string
	DBSnapshotIdentifier string
	DBClusterIdentifier  string
	SnapshotType         string
	ResourceName         string
	Filters              []rdsFilter
	Tags                 []rdsTag
	MaxRecords           *int
	Marker               string
}

func (in rdsInput) answer(member, element string, list []document) (document, error) {
	size := in.MaxRecords
	if size != nil && (*size < 20 || *size > 100) {
		return nil, awsFailure("InvalidParameterValue", "Invalid value %d for MaxRecords. Must be between 20 and 100", *size)
	}
	part, next, err := cutPage(list, pageRequest{size, in.Marker, 100, 100})
	if err != nil {
		return nil, awsFailure("InvalidParameterValue", "The marker is not valid.")
	}
	return document{member: namedList{element, part}}.set("Marker", next), nil
}

// passes applies one of the filters by name, where the client gave it.
func (in rdsInput) passes(name string, values ...string) bool {
	for _, filter := range in.Filters {
		if filter.Name == name && !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(filter.Values, v) }) {
			return false
		}
	}
	return true
}

func (a *awsAPI) database(id string) *Database {
	for _, database := range a.world.Cloud.Databases {
		if database.ID == id || database.ARN == id {
			return database
		}
	}
	return nil
}

func errNoDatabase(id string) error {
	return awsNotFound("DBInstanceNotFound", "DBInstance %s not found.", id)
}

func (a *awsAPI) describeDBInstances(in rdsInput) (document, error) {
	if in.DBInstanceIdentifier != "" && a.database(in.DBInstanceIdentifier) == nil {
		return nil, errNoDatabase(in.DBInstanceIdentifier)
	}
	var list []document
	for _, database := range a.world.Cloud.Databases {
		named := in.DBInstanceIdentifier == "" || a.database(in.DBInstanceIdentifier) == database
		if named && in.passes("db-instance-id", database.ID, database.ARN) && in.passes("engine", database.Engine) {
			list = append(list, a.databaseDocument(database))
		}
	}
	return in.answer("DBInstances", "DBInstance", list)
}

func (a *awsAPI) databaseDocument(d *Database) document {
	out := document{
		"DBInstanceIdentifier": d.ID, "DBInstanceArn": d.ARN, "DBInstanceStatus": d.Status, "DBInstanceClass": d.Class,
		"Engine": d.Engine, "EngineVersion": d.Version, "AllocatedStorage": d.SizeGiB, "StorageType": "gp3",
		"MasterUsername": "shop", "DBName": "shop", "MultiAZ": strings.Contains(d.ID, "production"),
		"AvailabilityZone": Region + "a", "BackupRetentionPeriod": 7, "StorageEncrypted": true,
		"PubliclyAccessible": false, "DeletionProtection": strings.Contains(d.ID, "production"),
		"DbiResourceId": "db-" + strings.ToUpper(stableHex(d.ID, 26)), "PreferredBackupWindow": "02:00-02:30",
		"Endpoint": document{"Address": d.ID + ".c1a2b3c4d5e6." + Region + ".rds.amazonaws.com", "Port": 5432, "HostedZoneId": "Z1RLNUO7B9Q6NB"},
	}.at("InstanceCreateTime", d.Created)
	return out.at("LatestRestorableTime", a.world.Now().Add(-restoreDelay))
}

func (a *awsAPI) describeDBClusters(in rdsInput) (document, error) {
	if in.DBClusterIdentifier != "" {
		return nil, awsNotFound("DBClusterNotFoundFault", "DBCluster %s not found.", in.DBClusterIdentifier)
	}
	return in.answer("DBClusters", "DBCluster", nil)
}

// describeDBClusterSnapshots answers for an account without clusters.
func (a *awsAPI) describeDBClusterSnapshots(in rdsInput) (document, error) {
	return in.answer("DBClusterSnapshots", "DBClusterSnapshot", nil)
}

func (a *awsAPI) describeDBSnapshots(in rdsInput) (document, error) {
	var list []document
	for _, s := range slices.Backward(a.world.Cloud.Snapshots) {
		if in.wants(s) {
			list = append(list, snapshotDocument(s))
		}
	}
	if len(list) == 0 && in.DBSnapshotIdentifier != "" {
		return nil, awsNotFound("DBSnapshotNotFound", "DBSnapshot %s not found.", in.DBSnapshotIdentifier)
	}
	return in.answer("DBSnapshots", "DBSnapshot", list)
}

func (in rdsInput) wants(s *Snapshot) bool {
	return (in.DBSnapshotIdentifier == "" || in.DBSnapshotIdentifier == s.ID || in.DBSnapshotIdentifier == s.ARN) &&
		(in.DBInstanceIdentifier == "" || in.DBInstanceIdentifier == s.Database.ID || in.DBInstanceIdentifier == s.Database.ARN) &&
		(in.SnapshotType == "" || in.SnapshotType == s.Type) &&
		in.passes("db-snapshot-id", s.ID, s.ARN) && in.passes("db-instance-id", s.Database.ID, s.Database.ARN) &&
		in.passes("snapshot-type", s.Type) && in.passes("engine", s.Database.Engine)
}

func snapshotDocument(s *Snapshot) document {
	var tags []document
	for _, tag := range s.Tags {
		tags = append(tags, document{"Key": tag.Name, "Value": tag.Value})
	}
	out := document{
		"DBSnapshotIdentifier": s.ID, "DBSnapshotArn": s.ARN, "DBInstanceIdentifier": s.Database.ID,
		"Status": s.Status, "PercentProgress": s.Percent, "SnapshotType": s.Type,
		"Engine": s.Database.Engine, "EngineVersion": s.Database.Version, "AllocatedStorage": s.Database.SizeGiB,
		"AvailabilityZone": Region + "a", "Port": 5432, "MasterUsername": "shop", "Encrypted": true, "StorageType": "gp3",
		"TagList": namedList{"Tag", tags},
	}.at("InstanceCreateTime", s.Database.Created)
	if s.Status == "available" { // AWS gives the time only once the data is taken
		out.at("SnapshotCreateTime", s.Created).at("OriginalSnapshotCreateTime", s.Created)
	}
	return out
}

func (a *awsAPI) createDBSnapshot(in rdsInput) (document, error) {
	database := a.database(in.DBInstanceIdentifier)
	switch {
	case database == nil:
		return nil, errNoDatabase(in.DBInstanceIdentifier)
	case len(in.DBSnapshotIdentifier) > 255 || !snapshotName.MatchString(in.DBSnapshotIdentifier) || strings.Contains(in.DBSnapshotIdentifier, "--"):
		return nil, awsFailure("InvalidParameterValue", "The parameter DBSnapshotIdentifier is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.")
	case slices.ContainsFunc(a.world.Cloud.Snapshots, func(s *Snapshot) bool { return s.ID == in.DBSnapshotIdentifier }):
		return nil, awsFailure("DBSnapshotAlreadyExists", "Cannot create the snapshot because a snapshot with the identifier %s already exists.", in.DBSnapshotIdentifier)
	}
	tags := make([]Pair, 0, len(in.Tags))
	for _, tag := range in.Tags {
		tags = append(tags, Pair{tag.Key, tag.Value})
	}
	snapshot, err := a.world.CreateDBSnapshot(database, in.DBSnapshotIdentifier, tags)
	if err != nil {
		return nil, awsFailure("InvalidDBInstanceState", "%s", err)
	}
	return document{"DBSnapshot": snapshotDocument(snapshot)}, nil
}

func (a *awsAPI) snapshotByARN(arn string) *Snapshot {
	for _, s := range a.world.Cloud.Snapshots {
		if s.ARN == arn {
			return s
		}
	}
	return nil
}

func (a *awsAPI) listRDSTags(in rdsInput) (document, error) {
	var tags []Pair
	if s := a.snapshotByARN(in.ResourceName); s != nil {
		tags = s.Tags
	} else if d := a.database(in.ResourceName); d != nil {
		tags = a.tags[d.ARN]
	} else {
		return nil, awsNotFound("DBSnapshotNotFound", "%s not found.", in.ResourceName)
	}
	var list []document
	for _, tag := range tags {
		list = append(list, document{"Key": tag.Name, "Value": tag.Value})
	}
	return document{"TagList": namedList{"Tag", list}}, nil
}

func (a *awsAPI) addRDSTags(in rdsInput) (document, error) {
	more := make([]Pair, 0, len(in.Tags))
	for _, tag := range in.Tags {
		more = append(more, Pair{tag.Key, tag.Value})
	}
	if s := a.snapshotByARN(in.ResourceName); s != nil {
		s.Tags = mergeTags(s.Tags, more)
		return nil, nil
	}
	d := a.database(in.ResourceName)
	if d == nil {
		return nil, awsNotFound("DBSnapshotNotFound", "%s not found.", in.ResourceName)
	}
	a.tags[d.ARN] = mergeTags(a.tags[d.ARN], more)
	return nil, nil
}

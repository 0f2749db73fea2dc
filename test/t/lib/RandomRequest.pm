# Random requests of the URIs, sound and broken, each a statement that calls
# fuzz.request() (test/fuzz/requests.sql).

package RandomRequest;

use strict;
use warnings;
use parent 'RandomStatement';
use JSON::PP;
use Mutant;
use RandomDocument;

my %noun = (usage => 'usage', usageSpecification => 'usage_specification', serviceUsage => 'service_usage', serviceUsageSpecification => 'service_usage_specification');
my %collections = ('/usageManagement' => [qw(usage usage usage usageSpecification)], '/tmf-api/usageManagement/v4' => [qw(usage usage usage usageSpecification)],
	'/tmf-api/serviceUsage/v4' => [qw(serviceUsage serviceUsage serviceUsageSpecification)], '/tmf-api/serviceUsageManagement/v4' => [qw(serviceUsage serviceUsageSpecification)]);
my @ids = ((map { "u$_" } 0 .. 9, 0 .. 4, 0 .. 4, 0 .. 2), 's0', 's1', 'nobody', "\xc3\xa9", 'a/b', 'a b', '%', '*', '"', 'x' x 512, 'x' x 513);
my @types = ('application/json', 'application/json', 'application/json; charset=utf-8', 'application/merge-patch+json', 'application/json-patch+json', 'application/json-patch-query+json', 'text/plain', '', 'application/json;charset=latin1');
my @tags = ('CURRENT', 'CURRENT', 'CURRENT', 'W/CURRENT', '"x", CURRENT', '*', '"x"', '"v4-0"', '"r14.5-1', ',,', '*, "x"', 'CURRENT"', '""', 'W/');
my @dates = ('Fri, 27 Nov 2026 04:00:00 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', 'Fri, 27 Nov 99999999999 04:00:00 GMT', 'yesterday', '0');
my @ranges = ('bytes=0-0', 'bytes=1-', 'bytes=-1', 'bytes=-', 'bytes=', 'bytes', 'bytes=0-1,3-4', 'bytes=9-1', 'BYTES=0-9', 'bytes=99999999999999999999-', 'bytes=0-99999999999999999999', 'bytes=0x1-2', 'items=0-1', '0-1', '');
my @paths = qw(@.id @.status @.usageDate @.date @.description @.usageType @.usageCharacteristic.name @.usageCharacteristic[*].value @.relatedParty @.relatedParty[?(@.id=='45')] @.extra.x @.nosuch
	@['usageType'] @.usageSpecification.id @.ratedProductUsage[0].taxRate @.ratedProductUsage[?(@.taxRate>0)] @..id @.* @ $.id @.usageCharacteristic.duration @.lastUpdate @.name);
my @literals = (qw('u1' "u1" 1 -1.5e3 1e400 true null /u.*/ /U/i 'rated' '2001-01-15' 'a\'b' '\u00e9' [1] {} @.id foo), "'", '/(/', '');
my $json = JSON::PP->new->latin1->canonical;

# The next request, whoever asks.
sub statement
{
	my ($self) = @_;
	my $api = $self->pick(sort keys %collections);
	my $collection = $self->pick(@{ $collections{$api} });
	my $way = $self->n(100);
	my ($method, $place, $query, $body) = ('GET', "$api/$collection", '', '');
	my %headers;

	if ($way < 24)
	{
		$method = 'POST';
		$body = $way < 16 ? $self->resource($collection, $api) : $self->list($collection, $api);
	}
	elsif ($way < 34)
	{
		($method, $place, $body) = ('PUT', "$place/" . $self->id, $self->resource($collection, $api));
	}
	elsif ($way < 52)
	{
		($method, $place, $body) = ('PATCH', "$place/" . $self->id, $self->one_in(2) ? $self->small_patch($api) : $self->patch);
		$headers{'x-um-content-type'} = $self->one_in(4) ? $self->pick(@types) : $body =~ /^\s*\[/ ? 'application/json-patch+json' : 'application/merge-patch+json';
	}
	elsif ($way < 55)
	{
		($method, $place) = ('DELETE', "$place/" . $self->id);
	}
	elsif ($way < 60)
	{
		($method, $query, $body) = ('PATCH', $self->query, $self->one_in(2) ? $self->small_patch($api) : $self->patch);
	}
	elsif ($way < 68)
	{
		$place .= '/' . $self->id;
	}
	elsif ($way < 88)
	{
		$query = $self->query;
	}
	elsif ($way < 91)
	{
		$place = "$api/" . $self->pick(qw(importJob exportJob exportJob));
		$method = $self->pick(qw(GET POST POST POST DELETE PUT PATCH));
		$place .= '/' . $self->id . $self->pick('', '', '/result', '/result', '/result/') if $method ne 'POST' && !$self->one_in(4);
		$body = $method eq 'POST' ? $self->order : $self->one_in(4) ? $self->small_patch($api) : '';
	}
	elsif ($way < 96)
	{
		$place = "$api/hub" . $self->pick('', '/' . $self->n(30));
		$method = $self->pick('GET', 'POST', 'POST', 'DELETE');
		$body = $self->hub;
	}
	else
	{
		$place = $self->pick("$api/openapi.json", $api, "$api/", '/', '', "$place/", "$place/a/b", '//', '/%', '/%00', "\xff", $self->text);
	}
	$query = $self->pick('fields=id', 'fields=none', 'fields=all', 'fields=@type,status', $self->query_string, 'limit=1') if $query eq '' && $self->one_in(6);
	$method = $self->pick(qw(GET HEAD OPTIONS POST PUT PATCH DELETE BREW), '') if $self->one_in(15);
	$method = 'HEAD' if $method eq 'GET' && $self->one_in(8);
	$place = $self->encoded($place) if $self->one_in(40);
	$headers{'if-match'} = $self->pick(@tags) if $self->one_in($method =~ /^(PUT|PATCH|DELETE)$/ ? 3 : 12);
	$headers{'if-none-match'} = $self->pick(grep { !/CURRENT/ } @tags) if $self->one_in(15);
	$headers{'if-modified-since'} = $self->pick(@dates) if $self->one_in(15);
	$headers{'if-unmodified-since'} = $self->pick(@dates) if $self->one_in(15);
	$headers{'x-um-content-type'} = $self->pick(@types) if $self->one_in(10);
	$headers{'x-um-range'} = $self->pick(@ranges) if $self->one_in($place =~ /result/ ? 2 : 20);
	$headers{'if-range'} = $self->pick(grep { !/CURRENT/ } @tags, @dates) if $self->one_in(30);
	$headers{'x-um-content-encoding'} = $self->pick('identity', 'gzip') if $self->one_in(40);
	$headers{authorization} = $self->pick('Bearer x', 'Bearer x', 'Bearer x', 'bearer  ', 'Basic x') unless $self->one_in(10);
	$headers{other} = [ 1, { a => undef } ] if $self->one_in(40);
	$body = substr $body, 0, $self->n(1 + length $body) if $self->one_in(40);
	$body = join '', map { chr $self->n(256) } 0 .. $self->n(20) if $self->one_in(60);
	$body = "\xef\xbb\xbf$body" if $self->one_in(60);
	return $self->called({ 'x-um-method' => $method, 'x-um-uri' => $place . ($query ne '' || $self->one_in(30) ? "?$query" : ''), %headers }, $body);
}

# An order, sound or with something that none can have.
sub order
{
	my ($self) = @_;
	my %member = (url => $self->pick('https://host.example/x', 'sftp://host.example/in/*.csv', 'file:///x', 'ftp://u:p@h/x', 'gopher://h/x', '', "http://h/\x01"));

	$member{id} = $self->pick(@ids) if !$self->one_in(3);
	$member{path} = $self->pick('usage', 'usageManagement/', '/usageSpecification', 'usages', 'importJob', '') if $self->one_in(2);
	$member{contentType} = $self->pick('text/csv', 'application/json', 'application/x-ndjson; a=b', 'text/html') if $self->one_in(2);
	$member{query} = $self->pick('status=rated', 'limit=1&sort=-id', 'nosuch=1', 'filter=[?(@.id==1)]') if $self->one_in(3);
	$member{mapping} = $self->pick({ id => 'a' }, { id => { column => 'b' } }, { 'usageCharacteristic[x]' => 'c' }, [], 7) if $self->one_in(5);
	$member{every} = $self->pick('1 day', '-1 day', 'x', '00:00:01') if $self->one_in(5);
	$member{ $self->pick(qw(sequence afterwards parent credential tmfVersion status orderedBy attempts claims)) } = $self->pick('#', 'keep', 'v4', 'running', 7, undef) if $self->one_in(3);
	return $json->encode(\%member);
}

# An address of the text's bytes is ASCII, as nginx has it.
sub called
{
	my ($self, $headers, $body) = @_;
	my $text;

	$headers->{'x-um-uri'} =~ s/([^\x21-\x7e])/sprintf '%%%02X', ord $1/ge;
	$text = $json->encode($headers) =~ s/\\u0000//gr;
	return "SELECT '" . ($self->{asked}++ // 0) . ": ' || fault FROM fuzz.request(" . $self->quoted($text) . '::jsonb, ' . ($body eq '' && $self->one_in(2) ? 'NULL' : "'\\x" . unpack('H*', $body) . "'") . ') fault';
}

sub id
{
	my ($self) = @_;

	return $self->pick(@ids) =~ s{([^A-Za-z0-9])}{sprintf '%%%02X', ord $1}ger;
}

sub encoded
{
	my ($self, $text) = @_;

	return $text =~ s/(\w)/$self->one_in(3) ? sprintf '%%%02x', ord $1 : $1/ger;
}

sub resource
{
	my ($self, $collection, $api) = @_;
	my $id = $self->one_in(6) ? undef : $self->pick(@ids);
	my $text;

	if ($self->one_in(2))
	{
		# short, so that it is stored, met again and changed
		my %member = ($collection =~ /ication$/ ? (name => 'n', $api =~ /service/i ? (lifecycleStatus => 'active') : ()) : $api eq '/usageManagement' ? (date => '2001-01-1' . $self->n(4), type => 'VOICE')
			: $collection eq 'usage' ? (usageDate => '2001-0' . $self->pick(1, 2, 3) . '-15T10:00:00Z', usageType => $self->pick('VOICE', 'SMS')) : (usageDate => '2001-01-1' . $self->n(4), usageType => 'X', status => 'generated'));
		$member{id} = $id if defined $id;
		$member{status} = $self->pick(qw(received rejected guided rated)) if $self->one_in(6);
		$member{description} = $self->pick('a', "caf\xc3\xa9") if $self->one_in(3);
		return JSON::PP->new->canonical->encode(\%member);
	}
	$text = (random_document($noun{$collection}, $api eq '/usageManagement' ? 'r14.5' : 'v4', $id // 'u1', $self->{dice}))[0];
	return $self->one_in(4) ? (Mutant::mutate($text, $self->{dice}))[1] : $text;
}

# What a resource that is there is likely to take.
sub small_patch
{
	my ($self, $api) = @_;
	my $date = $api eq '/usageManagement' ? 'date' : 'usageDate';

	return $self->pick('{"description":"b"}', '{"description":null}', '{"x":[1]}', '{"status":"guided"}', '{"status":"rejected"}', '{}', '{"id":"u1"}',
		qq({"$date":"2001-0@{[ 1 + $self->n(3) ]}-20"}), '[{"op":"add","path":"/description","value":"c"}]', qq([{"op":"replace","path":"/$date","value":"2001-01-02"}]));
}

sub list
{
	my ($self, @what) = @_;
	my @elements = map { $self->resource(@what) } 1 .. $self->n($self->one_in(10) ? 60 : 6);

	push @elements, $elements[ $self->n(scalar @elements) ] if @elements && $self->one_in(3);
	push @elements, $self->pick('null', '1', '[]', '{}', '"x"', '') if $self->one_in(8);
	return $self->pick('[', '[', '[', ' [ ', '[') . join(',', @elements) . $self->pick((']') x 20, '', ']]', ',]');
}

sub query
{
	my ($self) = @_;
	my $text = $self->one_in(3) ? $self->query_string : $self->pick('', '', 'id=u1,u2,u3', 'status=received', 'description.ne=b', 'fields=id', 'id.gt=u1');

	$text .= ($text eq '' ? '' : '&') . 'filter=' . $self->filter if $self->one_in(3);
	$text .= "&limit=" . $self->pick(0, 1, 2, 3, 5, 10, 2147483647, '9223372036854775807', -1, 'x') if $self->one_in(2);
	$text .= "&offset=" . $self->pick(0, 1, 2, 3, 100, '9223372036854775807') if $self->one_in(5);
	$text .= "&sort=" . $self->pick('id', '-id', 'usageDate', '-status,id', 'description', 'nosuch') if $self->one_in(4);
	$text .= "&after=" . $self->id if $self->one_in(8);
	$text .= "&all=true" if $self->one_in(8);
	return $text =~ s/^&//r;
}

# Of JSONPath, as it is written in an address, or not.
sub filter
{
	my ($self) = @_;
	my $text = $self->pick('$', '', '$.relatedParty', 'usageCharacteristic', '$..') . '[?(' . $self->term(0) . ')]';

	substr($text, $self->n(length $text), 1) = $self->pick('', '(', ')', '[', ']', '@', '!', '&', '"', '\\') if $self->one_in(6);
	return $self->one_in(4) ? $text =~ s/([#%\s])/sprintf '%%%02X', ord $1/ger : $text =~ s/([^\w.])/sprintf '%%%02X', ord $1/ger;
}

sub term
{
	my ($self, $depth) = @_;
	my $way = $self->n($depth > 4 ? 6 : 12);

	return $self->pick(@paths) if $way < 1;
	return $self->pick(@paths) . $self->pick('==', '!=', '>', '<', '>=', '<=', '=~', ' == ', '===', ' in ') . $self->pick(@literals) if $way < 5;
	return $self->pick(@literals) . $self->pick('==', '<') . $self->pick(@paths) if $way < 6;
	return '!' . $self->term($depth + 1) if $way < 7;
	return '(' . $self->term($depth + 1) . ')' if $way < 8;
	return $self->term($depth + 1) . $self->pick('&&', '||', ' && ', '&', ' and ') . $self->term($depth + 1) if $way < 11;
	return '@.' . $self->pick('relatedParty', 'usageCharacteristic', 'ratedProductUsage', 'x') . '[?(' . $self->term($depth + 1) . ')]';
}

sub hub
{
	my ($self) = @_;

	return $self->json if $self->one_in(6);
	return JSON::PP->new->canonical->encode({ callback => $self->pick('http://h/x', 'https://h/y?z', 'ftp://h', 'http://u:p@h/', '', 'http://' . 'h' x 2001),
		$self->one_in(2) ? (query => $self->pick('', '?', 'eventType=UsageCreateEvent', 'fields=id', 'status=rated', 'nosuch=1', $self->query_string)) : () });
}

1;

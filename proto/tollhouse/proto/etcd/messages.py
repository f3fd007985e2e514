"""etcd's messages, in a descriptor pool of their own; their types stand in the generated ``messages.pyi``."""

from importlib.resources import files

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

# The default pool knows each message name once per process; aetcd or etcd3 stubs beside us would clash there.
_POOL = DescriptorPool()
_SET = FileDescriptorSet.FromString(files(__package__).joinpath("messages.desc").read_bytes())
for _file in _SET.file:
    _POOL.Add(_file)

for _message in _SET.file[0].message_type:
    globals()[_message.name] = GetMessageClass(_POOL.FindMessageTypeByName(f"{_SET.file[0].package}.{_message.name}"))
